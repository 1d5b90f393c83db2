/** Ties an adapter to its base model by hashes of the base's files, so that another base is refused. @module */
import { createHash } from "node:crypto";
import { Effect, FileSystem, Path, Stream } from "effect";
import { refuse } from "./files.ts";
import type { AdapterBase } from "./peft_config.ts";
import { WeightsError } from "./weights_error.ts";

/** The files that make a base what it is; a base has one of the last two. */
const files = [
  "config.json",
  "tokenizer.json",
  "model.safetensors",
  "model.safetensors.index.json",
];

/** The base in `directory`, as an adapter records it. `vocabularySize` counts no new tokens. */
export const describeBase: (
  directory: string,
  vocabularySize: number,
) => Effect.Effect<AdapterBase, WeightsError, FileSystem.FileSystem | Path.Path> = Effect
  .fnUntraced(function* (directory, vocabularySize) {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const sha256: Record<string, string> = {};
    for (const name of files) {
      const file = path.join(directory, name);
      const there = yield* fs.exists(file).pipe(refuse(file));
      if (there) sha256[name] = yield* hashFile(file);
    }
    return { model: directory, vocabularySize, sha256 };
  });

/** Fails where a file of `directory` is not the one that the adapter was trained on. */
export const checkBase: (
  base: AdapterBase,
  directory: string,
) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* ({ model, sha256 = {} }, directory) {
    const path = yield* Path.Path;
    for (const [name, expected] of Object.entries(sha256)) {
      const file = path.join(directory, name);
      const actual = yield* hashFile(file);
      if (actual !== expected) {
        return yield* new WeightsError({
          reason: { _tag: "OtherBase", file, trainedOn: model, expected, actual },
        });
      }
    }
  },
);

/** SHA-256 of a file's bytes, hex. */
const hashFile = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem;
  const hash = createHash("sha256");
  yield* fs.stream(file).pipe(
    Stream.runForEach((bytes) => Effect.sync(() => hash.update(bytes))),
    refuse(file),
  );
  return hash.digest("hex");
});
