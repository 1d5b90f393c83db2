/** From a model directory, and perhaps an adapter folder, to a model that runs on the GPU. @module */
import { Effect, FileSystem, Path, type Scope } from "effect";
import type { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { readTokenizer } from "../data/tokenizer_files.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import { makeAdapter, type NewRows, type Subject } from "../nn/adapter.ts";
import { importAdapter } from "../nn/adapter_files.ts";
import { checkBase } from "../weights/adapter_base.ts";
import { malformed, readJson, refuse } from "../weights/files.ts";
import { openDirectory } from "../weights/model_directory.ts";
import { type Adapter as StoredAdapter, readAdapter } from "../weights/peft.ts";
import { checkShape } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { Architecture, ModelShape } from "./architecture.ts";
import { type Decoder, loadDecoder } from "./decoder.ts";
import type { ModelError } from "./model_error.ts";
import { architectureOf } from "./registry.ts";
import { refuseUnrunnable } from "./runnable_adapter.ts";

/** A model ready to run, with what a directory says about it beside the weights. */
export interface LoadedModel {
  readonly subject: Subject;
  /** With the adapter's new tokens; undefined where the directory holds no `tokenizer.json`. */
  readonly tokenizer: Tokenizer | undefined;
  /** Ids that may be drawn: the first so many. Rows behind the tokenizer's are padding. */
  readonly valid: number;
  /** Where generation stops: the tokenizer's, or `eos_token_id` of `config.json`. */
  readonly stopIds: ReadonlyArray<number>;
}

/** What loading a model can fail with. */
export type LoadError = GpuError | WeightsError | ModelError | DataError;

/** The services that loading a model takes. */
export type LoadServices = Gpu | FileSystem.FileSystem | Path.Path | Scope.Scope;

/**
 * Loads `directory`, as Hugging Face writes it, with the adapter in the folder `adapter` on it; both
 * live as long as the scope. An adapter that was trained on another base is refused.
 */
export const loadModel: (
  directory: string,
  adapter?: string,
) => Effect.Effect<LoadedModel, LoadError, LoadServices> = Effect.fnUntraced(
  function* (directory, adapter) {
    const path = yield* Path.Path;
    const config = yield* readJson(path.join(directory, "config.json"));
    const architecture = yield* architectureOf(config);
    const shape = yield* architecture.decode(config);
    const stored = adapter === undefined ? undefined : yield* readAdapter(adapter);
    if (stored && adapter !== undefined) {
      yield* checkBase(stored.base, directory);
      yield* refuseUnrunnable(adapter, stored);
      yield* checkLinears(architecture, shape, adapter, stored);
    }
    const ids = stored?.rows?.tokens.map(({ id }) => id) ?? [];
    const weights = yield* openDirectory(directory);
    const decoder = yield* loadDecoder(architecture, shape, weights, {
      newTokens: Math.max(0, ...ids.map((id) => id + 1 - shape.vocab)),
    });
    const tokenizer = yield* readTokenizers(directory, adapter, stored);
    return {
      subject: stored ? yield* putOn(decoder, stored) : { decoder },
      tokenizer,
      valid: Math.min(tokenizer?.vocabSize ?? Infinity, decoder.rows),
      stopIds: tokenizer?.stopIds ?? [config["eos_token_id"] ?? []].flat().map(Number),
    };
  },
);

/** A stored adapter on the GPU, attached to `base`; new tokens' rows included, for running only. */
const putOn = (
  base: Decoder,
  stored: StoredAdapter,
): Effect.Effect<Subject, GpuError | ModelError, Gpu | Scope.Scope> => {
  const { rank, alpha, rsLora, linears } = stored;
  const modules = [...linears.keys()].map((name) => name.slice(name.lastIndexOf(".") + 1));
  const options = { rank, alpha, rsLora, dropout: 0, targetModules: [...new Set(modules)] };
  const rows: NewRows | undefined = stored.rows && {
    ids: stored.rows.tokens.map(({ id }) => id),
    input: stored.rows.input.data,
    ...stored.rows.output ? { output: stored.rows.output.data } : {},
    trained: false,
  };
  const saved = importAdapter(base, stored);
  return Effect.map(
    makeAdapter(base, options, 0, { saved, ...rows ? { rows } : {} }),
    (adapter) => ({ decoder: adapter.decoder, adapter }),
  );
};

/** Every matrix belongs to a linear of the model and has its shape; no layer lacks a target module. */
const checkLinears = Effect.fnUntraced(function* (
  architecture: Architecture,
  shape: ModelShape,
  directory: string,
  { rank, linears, rows }: StoredAdapter,
) {
  const fused = Array.from(
    { length: shape.layers },
    (_, layer) => architecture.linears(shape, layer),
  ).flat();
  const parts = fused.flatMap(({ inputs, parts }) => parts.map((part) => ({ ...part, inputs })));
  const known = new Map(parts.map((part) => [part.path, part]));
  const modules = new Set<string>();
  for (const [path, { a, b }] of linears) {
    const part = known.get(path);
    if (!part) {
      return yield* malformed(directory, "adapter", "LoRA of linears that the model has", path);
    }
    yield* checkShape(`${path}.lora_A`, a, [rank, part.inputs]);
    yield* checkShape(`${path}.lora_B`, b, [part.to - part.from, rank]);
    modules.add(part.module);
  }
  const missing = parts.find(({ module, path }) => modules.has(module) && !linears.has(path));
  if (missing) {
    const expected = `${missing.module} of every layer`;
    return yield* malformed(directory, "adapter", expected, `without ${missing.path}`);
  }
  if (rows) yield* checkShape("new tokens' rows", rows.input, [rows.tokens.length, shape.hidden]);
});

/** The tokenizer of the model, or of the adapter folder where it has one of its own, with new tokens. */
const readTokenizers = Effect.fnUntraced(function* (
  directory: string,
  adapter: string | undefined,
  stored: StoredAdapter | undefined,
) {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  for (const place of adapter === undefined ? [directory] : [adapter, directory]) {
    const file = path.join(place, "tokenizer.json");
    const there = yield* fs.exists(file).pipe(refuse(file));
    if (!there) continue;
    const base = yield* readTokenizer(place);
    const named = stored?.rows?.tokens.flatMap(({ id, token }) => token ? [{ id, token }] : []);
    const { tokenizer, ids } = base.withTokens((named ?? []).map(({ token }) => token));
    const wrong = named?.findIndex(({ id }, index) => id !== ids[index]) ?? -1;
    if (wrong < 0) return tokenizer;
    const { id, token } = named![wrong]!;
    return yield* malformed(
      file,
      token,
      `token ${id}, as the adapter has it`,
      `token ${ids[wrong]}`,
    );
  }
  return undefined;
});
