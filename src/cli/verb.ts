/** One verb of the command line: its options, its help, and where its result is printed. @module */
import type * as Cause from "effect/Cause";
import * as Console from "effect/Console";
import * as Data from "effect/Data";
import * as Effect from "effect/Effect";
import * as Command from "effect/cli/Command";
import type { Flags } from "./flags.ts";

/** The result of a verb, for people and for scripts. */
export interface Outcome {
  /** Lines for people, on stdout, or on stderr beside a document; empty: nothing is printed. */
  readonly text: string;
  /** What `--json` prints on stdout, as one document. */
  readonly document: unknown;
  /** What was left undone all the same; it is said last, and the exit status is that of a failure. */
  readonly undone?: string;
}

const IncompleteErrorBase: new (fields: { readonly undone: string }) =>
  & Cause.YieldableError
  & { readonly _tag: "IncompleteError"; readonly undone: string } = Data.TaggedError(
    "IncompleteError",
  );

/** The failure of a verb that has an outcome and yet left something undone. */
export class IncompleteError extends IncompleteErrorBase {
  override get message(): string {
    return this.undone;
  }
}

/** A verb as a subcommand of `delia`. */
export type Verb<Name extends string, Options, E, R> = Command.Command<
  Name,
  Options,
  Record<never, never>,
  E,
  R
>;

/** A verb's name and texts. */
export interface VerbHelp<Name extends string> {
  readonly name: Name;
  /** One line. */
  readonly description: string;
  readonly examples: ReadonlyArray<{ readonly command: string; readonly description: string }>;
}

/** What does the work of a verb. */
export type Run<Options, E, R> = (options: Options) => Effect.Effect<Outcome, E, R>;

/** Joins flags, help and work; prints the outcome's text on stdout, with `--json` its document instead. */
export const verb = <Name extends string, Options extends { readonly json: boolean }, E, R>(
  { name, description, examples }: VerbHelp<Name>,
  flags: Flags<Options>,
  run: Run<Options, E, R>,
): Verb<Name, Options, E, R> => {
  const handle = (options: Options) =>
    Effect.gen(function* () {
      const { text, document, undone } = yield* run(options);
      if (text !== "") yield* options.json ? Console.error(text) : Console.log(text);
      if (options.json) yield* Console.log(JSON.stringify(document));
      if (undone !== undefined) return yield* new IncompleteError({ undone });
    });
  // Flags<Options> yields Options; make() infers that only where the record is spelled out.
  const command = Command.make(name, flags as Command.Command.Config, handle as never);
  return command.pipe(
    Command.withDescription(description),
    Command.withExamples(examples),
  ) as unknown as Verb<Name, Options, E, R>;
};
