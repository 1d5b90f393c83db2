/** Runs a command as scripts rely on: exit status 0 only on success, an expected failure as one message. @module */
import * as Cause from "effect/Cause";
import * as Console from "effect/Console";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Option from "effect/Option";
import * as CliError from "effect/cli/CliError";
import * as CliOutput from "effect/cli/CliOutput";
import * as Command from "effect/cli/Command";
import { type Platform, platform, runMain } from "../platform.ts";

/** Runs `command` with the arguments of this process, then ends the process. */
export const runCommand = <Name extends string, Input, ContextInput, E>(
  command: Command.Command<Name, Input, ContextInput, E, Platform>,
  version: string,
): void =>
  Command.run(command, { version }).pipe(
    Effect.tapCause(report),
    Effect.provide(Layer.mergeAll(
      platform,
      CliOutput.layerPresenter(presenter),
      Layer.succeed(Logger.LogToStderr, true),
    )),
    runMain,
  );

/** Help and version that were asked for go to stdout; anything else that is said, to stderr. */
const presenter: CliOutput.Presenter = {
  present: (event) => {
    if (event._tag === "InvalidInvocation") {
      const messages = event.errors.map(({ message }) => message).join("\n");
      return Console.error(`${messages}\n\nSee ${event.commandPath.join(" ")} --help`);
    }
    if (event._tag === "Help" && event.reason === "Implicit") {
      const formatter = CliOutput.defaultFormatter({ colors: false });
      return Console.error(formatter.formatHelpDoc(event.helpDoc));
    }
    return CliOutput.defaultPresenter.present(event);
  },
};

/** One message for a failure; the whole cause only where the program itself is wrong. */
const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void;
  const failure = Option.getOrUndefined(Cause.findErrorOption(cause));
  if (CliError.isCliError(failure) && failure._tag === "ShowHelp") return Effect.void;
  if (failure instanceof Error) return Console.error(`Error: ${failure.message}`);
  return Console.error(`This is a bug in delia, please report it\n${Cause.pretty(cause)}`);
};
