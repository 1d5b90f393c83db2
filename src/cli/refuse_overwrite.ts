/** Keeps a verb from writing over what it reads. @module */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Option from "effect/Option";
import { type UsageError, usageError } from "./usage_error.ts";

/** Paths that are read, by the flag or setting that names them. */
export type Inputs = Readonly<Record<string, string | undefined>>;

/** What a run writes into its folder, beside what its own seeds name; and the folder. */
export const runFolderFiles = (directory: string): ReadonlyArray<string> => [
  directory,
  ...["adapter", "metrics.jsonl", "arms.jsonl", "records.jsonl", "result.json", "report.html"]
    .map((name) => `${directory}/${name}`),
];

/**
 * Fails where one of `outputs` is one of `inputs`, by whatever spelling or link. A path of nothing is
 * neither: what is new cannot be read, and what cannot be read says so itself.
 */
export const refuseOverwrite = (
  verb: string,
  outputs: ReadonlyArray<string>,
  inputs: Inputs,
): Effect.Effect<void, UsageError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const written = new Map<string, string>();
    for (const output of outputs) {
      const path = yield* Effect.option(fs.realPath(output));
      if (Option.isSome(path)) written.set(path.value, output);
    }
    for (const [name, input] of Object.entries(inputs)) {
      if (input === undefined || written.size === 0) continue;
      const path = yield* Effect.option(fs.realPath(input));
      const output = Option.isSome(path) ? written.get(path.value) : undefined;
      if (output === undefined) continue;
      const message = `--out should not write over what is read but ${output} is ${name} ` +
        `(${input}): choose another --out`;
      return yield* usageError(verb, message);
    }
  });
