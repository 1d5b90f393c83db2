/** A model as Hugging Face writes it: a directory of JSON files and one safetensors file or several. @module */
import { Effect, type FileSystem, Layer, Path, type Scope } from "effect";
import {
  formatJson,
  type JsonObject,
  malformed,
  openFile,
  parseObject,
  readIfPresent,
  readJson,
  writeBytes,
  writeFiles,
} from "./files.ts";
import { decodeHeader, encodeSafetensors, readTensor } from "./safetensors.ts";
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

/** The value behind {@linkcode layerDirectory}; its files close with the scope. */
export const openDirectory: (
  directory: string,
) => Effect.Effect<Weights, WeightsError, FileSystem.FileSystem | Path.Path | Scope.Scope> = Effect
  .fnUntraced(function* (directory) {
    const path = yield* Path.Path;
    const index = yield* readIfPresent(path.join(directory, "model.safetensors.index.json"));
    if (index === undefined) {
      return yield* openSafetensors(path.join(directory, "model.safetensors"));
    }
    const file = path.join(directory, "model.safetensors.index.json");
    const shardOf = yield* decodeIndex(file, index);
    const shards = new Map<string, Weights>();
    for (const shard of new Set(shardOf.values())) {
      shards.set(shard, yield* openSafetensors(path.join(directory, shard)));
    }
    for (const [name, shard] of shardOf) {
      const held = shards.get(shard)!.names;
      if (!held.includes(name)) {
        return yield* missingTensor(path.join(directory, shard), name, held.length);
      }
    }
    return {
      names: [...shardOf.keys()],
      describe: (name) => shards.get(shardOf.get(name) ?? "")?.describe(name),
      read: (name, shape, rows) => {
        const shard = shards.get(shardOf.get(name) ?? "");
        return shard?.read(name, shape, rows) ??
          Effect.fail(missingTensor(file, name, shardOf.size));
      },
    };
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
    /** How to store the weights; `"F16"` halves the file. */
    readonly dtype: "F32" | "F16";
  },
) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (directory, { config, tokenizer, tokenizerConfig, tensors, dtype }) {
    const path = yield* Path.Path;
    yield* writeFiles(directory, {
      "config.json": formatJson(config),
      "tokenizer.json": formatJson(tokenizer),
      "tokenizer_config.json": formatJson(tokenizerConfig),
    });
    yield* writeBytes(
      path.join(directory, "model.safetensors"),
      encodeSafetensors(tensors, { dtype }),
    );
  },
);

const decodeIndex = Effect.fnUntraced(function* (file: string, text: string) {
  const { weight_map: map } = yield* parseObject(file, text);
  const shardOf = new Map(typeof map === "object" && map !== null ? Object.entries(map) : []);
  for (const [name, shard] of shardOf) {
    if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard)) {
      return yield* malformed(file, name, "the name of a safetensors file", JSON.stringify(shard));
    }
  }
  if (shardOf.size === 0) {
    return yield* malformed(file, "weight_map", "an object", JSON.stringify(map) ?? "missing");
  }
  return shardOf as ReadonlyMap<string, string>;
});
