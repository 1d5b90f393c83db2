/** Runs a verb in this process as the command line would. @module */
import { Console, Effect, Layer } from "effect";
import { Command } from "effect/cli";
import type { Verb } from "../../src/cli/verb.ts";
import { type Platform, platform } from "../../src/platform.ts";

/** What came of a verb. */
export interface VerbRun {
  /** Why it failed; undefined: it did not. */
  readonly failure: unknown;
  /** Documents on stdout. */
  readonly out: ReadonlyArray<string>;
  /** Lines on stderr; of a failure only those of options that the parser refuses. */
  readonly err: string;
}

/** Runs `verb` with `args`. */
export const runVerb = <Name extends string, Options, E>(
  verb: Verb<Name, Options, E, Platform>,
  ...args: ReadonlyArray<string>
): Promise<VerbRun> => {
  const out: Array<string> = [];
  const err: Array<string> = [];
  const capture = {
    ...globalThis.console,
    log: (line: string) => void out.push(line),
    error: (line: string) => void err.push(line),
  };
  return Command.runWith(verb, { version: "0" })(args).pipe(
    Effect.flip,
    Effect.orElseSucceed(() => undefined),
    Effect.map((failure) => ({ failure, out, err: err.join("\n") })),
    Effect.provide(Layer.merge(platform, Layer.succeed(Console.Console, capture))),
    Effect.runPromise,
  );
};

/** All that the command line says of a run that fails. */
export const saidBy = ({ failure, err }: VerbRun): string =>
  `${err}\n${failure instanceof Error ? failure.message : ""}`.trim();
