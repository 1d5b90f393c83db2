/** Ties an adapter to its base model by hashes of the base's files, so that another base is refused. @module */
import { createHash } from "node:crypto";
import { Effect, FileSystem, Path } from "effect";
import { malformed, openFile, refuse } from "./files.ts";
import { indexName, readIndex, singleName } from "./model_directory.ts";
import type { AdapterBase } from "./peft_config.ts";
import { WeightsError } from "./weights_error.ts";

/**
 * The base in `directory`, as an adapter records it: hashes of `config.json`, `tokenizer.json` and the
 * weights, the index and each shard where there are several. `vocabularySize` counts no new tokens.
 */
export const describeBase: (
  directory: string,
  vocabularySize: number,
) => Effect.Effect<AdapterBase, WeightsError, FileSystem.FileSystem | Path.Path> = Effect
  .fnUntraced(function* (directory, vocabularySize) {
    const shardOf = yield* readIndex(directory);
    const weights = shardOf ? [indexName, ...new Set(shardOf.values())] : [singleName];
    const sha256 = yield* hashFiles(directory, ["config.json", "tokenizer.json", ...weights]);
    return { model: directory, vocabularySize, sha256 };
  });

/** Hashes of what decides the answers of the adapter in `directory`. */
export const hashAdapter = (
  directory: string,
): Effect.Effect<
  Readonly<Record<string, string>>,
  WeightsError,
  FileSystem.FileSystem | Path.Path
> => hashFiles(directory, ["adapter_config.json", "tokenizer.json", "adapter_model.safetensors"]);

// Of those of `names` that are there.
const hashFiles = Effect.fnUntraced(function* (directory: string, names: ReadonlyArray<string>) {
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
  const sha256: Record<string, string> = {};
  for (const name of names) {
    const file = path.join(directory, name);
    const there = yield* fs.exists(file).pipe(refuse(file));
    if (there) sha256[name] = yield* hashFile(file, name.endsWith(".safetensors"));
  }
  return sha256;
});

/** Fails where a file of `directory` is not the one that the adapter was trained on. */
export const checkBase: (
  base: AdapterBase,
  directory: string,
) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* ({ model, sha256 = {} }, directory) {
    const path = yield* Path.Path;
    for (const [name, expected] of Object.entries(sha256)) {
      if (!/^\w[\w.-]*$/.test(name)) {
        return yield* malformed("delia.json", "base.sha256", "of files of the base", name);
      }
      const file = path.join(directory, name);
      const actual = yield* hashFile(file, expected.startsWith(sampled));
      if (actual !== expected) {
        return yield* new WeightsError({
          reason: { _tag: "OtherBase", file, trainedOn: model, expected, actual },
        });
      }
    }
  },
);

/** Marks the hash of a part of a file. */
const sampled = "sampled:";

/** Longer files of weights are hashed by samples: reading 16 GB would take a start a minute. */
const longestWhole = 2 ** 24;
const samples = 256;
const sampleBytes = 4096;

/**
 * SHA-256 of a file, hex: of all its bytes, or, where a long one `maySample`, of its size and
 * 256 blocks of 4 KiB at even distances, the first and the last included. Another model differs in
 * nearly every block, also one tuned from the same base; the samples tell models apart, no forgeries.
 */
const hashFile = (
  file: string,
  maySample: boolean,
): Effect.Effect<string, WeightsError, FileSystem.FileSystem> =>
  Effect.scoped(Effect.gen(function* () {
    const { size, read } = yield* openFile(file);
    const hash = createHash("sha256");
    if (maySample && size > longestWhole) {
      hash.update(`${size}`);
      const distance = (size - sampleBytes) / (samples - 1);
      for (let block = 0; block < samples; block++) {
        hash.update(yield* read(Math.floor(block * distance), sampleBytes));
      }
      return sampled + hash.digest("hex");
    }
    for (let at = 0; at < size; at += piece) {
      hash.update(yield* read(at, Math.min(piece, size - at)));
    }
    return hash.digest("hex");
  }));

/** Bytes that are hashed at once. */
const piece = 2 ** 20;
