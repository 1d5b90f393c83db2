/** From a model directory, and perhaps an adapter folder, to a model that runs on the GPU. @module */
import { Effect, FileSystem, Path, type Scope } from "effect";
import type { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { readTokenizer } from "../data/tokenizer_files.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import { makeAdapter, type NewRows, type Subject } from "../nn/adapter.ts";
import { modulesOf, planOfStored } from "../nn/adapter_plan.ts";
import { importAdapter } from "../nn/adapter_files.ts";
import { frozenAdapter } from "../nn/frozen.ts";
import { checkBase } from "../weights/adapter_base.ts";
import { malformed, parseObject, readIfPresent, refuse } from "../weights/files.ts";
import { readAdapter } from "../weights/read_adapter.ts";
import type { Adapter as StoredAdapter } from "../weights/stored_adapter.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { Decoder } from "./decoder.ts";
import { loadDecoder } from "./load_decoder.ts";
import type { ModelError } from "./model_error.ts";
import { checkAdapter } from "./check_adapter.ts";
import { chooseStorage, type StorageChoice, type StorageWish } from "./choose_storage.ts";
import { type OpenModel, openModel } from "./open_model.ts";
import { refuseUnrunnable } from "./runnable_adapter.ts";
import { takeTables } from "./saved_tables.ts";

/** A model ready to run, with what a directory says about it beside the weights. */
export interface LoadedModel {
  readonly subject: Subject;
  /** With the adapter's new tokens; undefined where the directory holds no `tokenizer.json`. */
  readonly tokenizer: Tokenizer | undefined;
  /** Ids that may be drawn: the first so many. Rows behind the tokenizer's are padding. */
  readonly valid: number;
  /**
   * Where generation stops: the tokenizer's, or `eos_token_id` of `config.json`, and those of
   * `generation_config.json`.
   */
  readonly stopIds: ReadonlyArray<number>;
}

/** What loading a model can fail with. */
export type LoadError = GpuError | WeightsError | ModelError | DataError;

/** The services that loading a model takes. */
export type LoadServices = Gpu | FileSystem.FileSystem | Path.Path | Scope.Scope;

/** How to hold a model that is to be run. */
export interface LoadModelOptions extends Partial<StorageWish> {
  /** Longest sequence to prepare for; the model's own, at most 16,384, unless told. */
  readonly positions?: number;
  /** Sequences generated at once, 1 unless told. */
  readonly batch?: number;
  /** Sees the choice of storage before anything is uploaded. */
  readonly onPlan?: (choice: StorageChoice) => Effect.Effect<void>;
}

/**
 * Loads `directory`, as Hugging Face writes it, with the adapter in the folder `adapter` on it; both
 * live as long as the scope. An adapter that was trained on another base is refused.
 */
export const loadModel: (
  directory: string,
  adapter?: string,
  options?: LoadModelOptions,
) => Effect.Effect<LoadedModel, LoadError, LoadServices> = Effect.fnUntraced(
  function* (directory, adapter, options = {}) {
    const { positions, batch = 1, storage: wish = "auto", budget, onPlan } = options;
    const opened = yield* openModel(directory);
    const { config, architecture, shape, weights } = opened;
    const stored = adapter === undefined ? undefined : yield* openAdapter(opened, adapter);
    const tokenizer = yield* readTokenizers(directory, adapter, stored);
    const ids = stored?.rows?.tokens.map(({ id }) => id) ?? [];
    const tokens = Math.min(shape.maxPositions, positions ?? 1024);
    const run = {
      newTokens: ids.length,
      ...stored
        ? { lora: { rank: stored.rank, targetModules: modulesOf(planOfStored(stored)) } }
        : {},
      trainedTokens: 0,
      gradientCheckpointing: false,
      generated: { batch, tokens, prompt: tokens },
    };
    const choice = yield* chooseStorage(opened, run, { storage: wish, budget });
    if (onPlan) yield* onPlan(choice);
    const decoder = yield* loadDecoder(architecture, shape, weights, {
      newIds: ids,
      storage: choice.storage,
      ...positions === undefined ? {} : { positions },
    });
    return {
      subject: stored ? yield* putOn(decoder, stored) : { decoder },
      tokenizer,
      valid: Math.min(tokenizer?.vocabSize ?? Infinity, decoder.rows),
      stopIds: yield* stopIdsOf(directory, config, tokenizer),
    };
  },
);

// A chat model names its end of a turn in generation_config.json, beside that of a text.
const stopIdsOf = Effect.fnUntraced(function* (
  directory: string,
  config: OpenModel["config"],
  tokenizer: Tokenizer | undefined,
) {
  const file = `${directory}/generation_config.json`;
  const text = yield* readIfPresent(file);
  const generation = text === undefined ? {} : yield* parseObject(file, text);
  const named = [generation["eos_token_id"] ?? []].flat().map(Number).filter(Number.isInteger);
  const own = tokenizer?.stopIds ?? [config["eos_token_id"] ?? []].flat().map(Number);
  return [...new Set([...own, ...named])];
});

/**
 * Reads the adapter in `directory`, with its rows of tokens that the opened model lacks; refuses one of
 * another base, and what would be lost.
 */
export const openAdapter: (
  opened: OpenModel,
  directory: string,
) => Effect.Effect<StoredAdapter, WeightsError, FileSystem.FileSystem | Path.Path> = Effect
  .fnUntraced(function* (opened, directory) {
    const stored = yield* readAdapter(directory);
    yield* checkBase(stored.base, opened.directory);
    yield* refuseUnrunnable(opened, directory, stored);
    const whole = yield* takeTables(opened, directory, stored);
    yield* checkAdapter(opened, directory, whole);
    return whole;
  });

/** A stored adapter on the GPU, attached to `base`; new tokens' rows included, for running only. */
const putOn = (
  base: Decoder,
  stored: StoredAdapter,
): Effect.Effect<Subject, GpuError | ModelError, Gpu | Scope.Scope> => {
  const { rank, alpha, rsLora } = stored;
  const plan = planOfStored(stored);
  const options = { rank, alpha, rsLora, dropout: 0, targetModules: modulesOf(plan) };
  const rows: NewRows | undefined = stored.rows && {
    ids: stored.rows.tokens.map(({ id }) => id),
    input: stored.rows.input.data,
    ...stored.rows.output ? { output: stored.rows.output.data } : {},
    trained: false,
  };
  const saved = importAdapter(base, stored);
  return makeAdapter(base, options, 0, {
    ...{ saved, plan, trainable: false },
    ...rows ? { rows } : {},
  }).pipe(
    Effect.flatMap(frozenAdapter),
    Effect.map((adapter) => ({ decoder: adapter.decoder, adapter })),
  );
};

/** The tokenizer of the model, or of the adapter folder where it has one of its own, with new tokens. */
export const readTokenizers: (
  directory: string,
  adapter: string | undefined,
  stored: StoredAdapter | undefined,
) => Effect.Effect<
  Tokenizer | undefined,
  DataError | WeightsError,
  FileSystem.FileSystem | Path.Path
> = Effect.fnUntraced(function* (
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
