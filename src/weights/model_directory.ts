/** A model as Hugging Face writes it: a directory of JSON files and one safetensors file or several. @module */
import { Effect, FileSystem, Layer, Path, type Scope } from "effect";
import { writeWhole } from "../files/write_whole.ts";
import { duplicateKey } from "./duplicate_key.ts";
import {
  formatJson,
  type JsonObject,
  malformed,
  openFile,
  parseObject,
  readIfPresent,
  readJson,
  refuse,
  writeFiles,
} from "./files.ts";
import { encodeSafetensors, type FloatDtype, readTensor } from "./safetensors.ts";
import { decodeHeader } from "./safetensors_header.ts";
import { type HostTensor, missingTensor, Weights } from "./weights.ts";
import type { WeightsError } from "./weights_error.ts";

/** The JSON files of a model directory, parsed and not yet interpreted. */
export interface ModelFiles {
  /** `config.json`: architecture and sizes. */
  readonly config: JsonObject;
  /** `tokenizer.json`: vocabulary, merges, normalizer. */
  readonly tokenizer: JsonObject;
  /** `tokenizer_config.json`; a `chat_template.jinja` beside it takes the place of its `chat_template`. */
  readonly tokenizerConfig: JsonObject;
}

/** Holds the weights of a model that keeps them in one file. */
export const singleName = "model.safetensors";

/** Names the shards of a model whose weights lie in several files. */
export const indexName = "model.safetensors.index.json";

/** Reads the JSON files of the model directory at `directory`. */
export const readModelFiles: (
  directory: string,
) => Effect.Effect<ModelFiles, WeightsError, FileSystem.FileSystem | Path.Path> = Effect
  .fnUntraced(function* (directory) {
    const path = yield* Path.Path;
    const config = yield* readJson(path.join(directory, "config.json"));
    const tokenizer = yield* readJson(path.join(directory, "tokenizer.json"));
    const settings = yield* readJson(path.join(directory, "tokenizer_config.json"));
    const template = yield* readIfPresent(path.join(directory, "chat_template.jinja"));
    const tokenizerConfig = template === undefined
      ? settings
      : { ...settings, chat_template: template };
    return { config, tokenizer, tokenizerConfig };
  });

/** The tensors of the model directory, each read from disk when asked for. Files close with the layer. */
export const layerDirectory = (
  directory: string,
): Layer.Layer<Weights, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(Weights, openDirectory(directory));

/**
 * The value behind {@linkcode layerDirectory}; its files close with the scope. An index names files of
 * this directory and no others: a name with a slash is refused. A symbolic link is followed, since
 * whoever made the directory made it, not the content of a file: a hub cache links each name of a
 * snapshot to a blob outside of it.
 */
export const openDirectory: (
  directory: string,
) => Effect.Effect<Weights, WeightsError, FileSystem.FileSystem | Path.Path | Scope.Scope> = Effect
  .fnUntraced(function* (directory) {
    const path = yield* Path.Path;
    const shardOf = yield* readIndex(directory);
    if (shardOf === undefined) return yield* openSafetensors(path.join(directory, singleName));
    const file = path.join(directory, indexName);
    const holder = new Map<string, { readonly shard: string; readonly weights: Weights }>();
    for (const shard of new Set(shardOf.values())) {
      const weights = yield* openSafetensors(path.join(directory, shard));
      for (const name of weights.names) {
        const other = holder.get(name)?.shard;
        if (other !== undefined) {
          return yield* malformed(
            path.join(directory, shard),
            name,
            `in ${other} alone`,
            "in both",
          );
        }
        holder.set(name, { shard, weights });
      }
    }
    for (const [name, shard] of shardOf) {
      const held = holder.get(name);
      if (held === undefined) {
        return yield* missingTensor(path.join(directory, shard), name, holder.size);
      }
      if (held.shard !== shard) return yield* malformed(file, name, `in ${held.shard}`, shard);
    }
    return {
      names: [...holder.keys()],
      describe: (name) => holder.get(name)?.weights.describe(name),
      read: (name, shape, rows) =>
        holder.get(name)?.weights.read(name, shape, rows) ??
          Effect.fail(missingTensor(file, name, holder.size)),
    };
  });

/** The shard of each tensor of a model directory; undefined where it keeps its weights in one file. */
export const readIndex: (
  directory: string,
) => Effect.Effect<
  ReadonlyMap<string, string> | undefined,
  WeightsError,
  FileSystem.FileSystem | Path.Path
> = Effect.fnUntraced(function* (directory) {
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
  const [single, file] = [path.join(directory, singleName), path.join(directory, indexName)];
  // One file goes before an index beside it, as in transformers.
  const isSingle = yield* fs.exists(single).pipe(refuse(single));
  const index = isSingle ? undefined : yield* readIfPresent(file);
  return index === undefined ? undefined : yield* decodeIndex(file, index);
});

/** One safetensors file as {@linkcode Weights}; it closes with the scope. */
export const openSafetensors: (
  file: string,
) => Effect.Effect<Weights, WeightsError, FileSystem.FileSystem | Scope.Scope> = Effect.fnUntraced(
  function* (file) {
    const source = yield* openFile(file);
    const header = yield* decodeHeader(source);
    return {
      names: [...header.entries.keys()],
      describe: (name) => {
        const entry = header.entries.get(name);
        return entry && { dtype: entry.dtype, shape: entry.shape };
      },
      read: (name, shape, rows) => readTensor(source, header, name, { shape, rows }),
    };
  },
);

/** Writes a model directory that Hugging Face's loaders read: weights in one file, JSON beside it. */
export const writeModelDirectory: (
  directory: string,
  model: ModelFiles & {
    readonly tensors: Readonly<Record<string, HostTensor>>;
    /** How to store the weights; halves halve the file. */
    readonly dtype: FloatDtype;
  },
) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (directory, { config, tokenizer, tokenizerConfig, tensors, dtype }) {
    const path = yield* Path.Path;
    yield* writeFiles(directory, {
      "config.json": formatJson(config),
      "tokenizer.json": formatJson(tokenizer),
      "tokenizer_config.json": formatJson(tokenizerConfig),
    });
    const file = path.join(directory, singleName);
    yield* writeWhole(file, encodeSafetensors(tensors, { dtype })).pipe(refuse(file));
  },
);

/** The shard of each tensor. The index's `metadata` are sums that loaders ignore, and so does this. */
const decodeIndex = Effect.fnUntraced(function* (file: string, text: string) {
  const { weight_map: map } = yield* parseObject(file, text);
  const twice = duplicateKey(text);
  if (twice !== undefined) return yield* malformed(file, twice, "there once", "there twice");
  const isObject = typeof map === "object" && map !== null && !Array.isArray(map);
  const shardOf = new Map<string, unknown>(isObject ? Object.entries(map) : []);
  if (shardOf.size === 0) {
    const actual = (JSON.stringify(map) ?? "missing").slice(0, 80);
    return yield* malformed(file, "weight_map", "an object of file names", actual);
  }
  for (const [name, shard] of shardOf) {
    if (typeof shard !== "string" || !/^\w[\w.-]*\.safetensors$/.test(shard)) {
      const actual = (JSON.stringify(shard) ?? "missing").slice(0, 80);
      return yield* malformed(
        file,
        name,
        "the name of a safetensors file beside the index",
        actual,
      );
    }
  }
  return shardOf as ReadonlyMap<string, string>;
});
