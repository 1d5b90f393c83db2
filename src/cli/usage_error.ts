/** The failure of options that do not go together; it is shown like that of an unknown option. @module */
import * as CliError from "effect/cli/CliError";

/** Options that do not go together. */
export type UsageError = CliError.ShowHelp;

/** The failure of `verb`, with a message that says which options to give. */
export const usageError = (verb: string, message: string): UsageError =>
  new CliError.ShowHelp({
    commandPath: ["delia", verb],
    errors: [new CliError.ValidationError({ message })],
  });
