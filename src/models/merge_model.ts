/** Merges an adapter into its base and writes the result as a model directory, tensor by tensor. @module */
import { Effect, FileSystem, Path, type Scope } from "effect";
import type { DataError } from "../data/data_error.ts";
import { writeTokenizer } from "../data/tokenizer_files.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import { malformed, refuse, writeFiles } from "../weights/files.ts";
import type { FloatDtype } from "../weights/safetensors.ts";
import { type PlannedShard, type PlannedTensor, writeShards } from "../weights/shard_writer.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { changeConfig } from "./config_text.ts";
import { openAdapter, readTokenizers } from "./load_model.ts";
import { mergedValues, type Merging } from "./merged_values.ts";
import type { ModelError } from "./model_error.ts";
import { openModel } from "./open_model.ts";
import { parameterSpecs } from "./parameter_specs.ts";
import { wholeTable } from "./table_cuts.ts";

/** What to merge, and how to store it. */
export interface MergeOptions {
  /** The base model's directory. */
  readonly model: string;
  /** The adapter's folder. */
  readonly adapter: string;
  /** Where the merged model is written: made where it is not, else empty. */
  readonly out: string;
  /** Type of every tensor; that of the base's unless told. */
  readonly dtype?: FloatDtype;
  /** Most bytes a file; 5 GB unless told. */
  readonly shardBytes?: number;
  /** Sees how many tensors are merged, of how many, before each. */
  readonly onProgress?: (done: number, all: number) => Effect.Effect<void>;
}

/**
 * Writes W + scale·B·A for every adapted weight, and the rest of the base with new tokens' rows; DoRA
 * is merged too. The directory gets its name when all of it is there.
 */
export const mergeModel = (
  { model, adapter, out, dtype, shardBytes, onProgress = () => Effect.void }: MergeOptions,
): Effect.Effect<
  ReadonlyArray<PlannedShard>,
  GpuError | WeightsError | ModelError | DataError,
  Gpu | FileSystem.FileSystem | Path.Path
> =>
  Effect.scoped(Effect.gen(function* () {
    const opened = yield* openModel(model);
    const stored = yield* openAdapter(opened, adapter);
    const tokenizer = yield* readTokenizers(model, adapter, stored);
    const ids = stored.rows?.tokens.map(({ id }) => id) ?? [];
    const merging: Merging = {
      opened,
      stored,
      rows: Math.max(opened.shape.vocab, ...ids.map((id) => id + 1)),
      unties: opened.shape.tiedHead && stored.embedding !== undefined,
    };
    const { directory, publish } = yield* workplace(out);
    yield* writeConfig(directory, merging, dtype);
    yield* copyBeside(model, directory);
    if (tokenizer) yield* writeTokenizer(directory, tokenizer).pipe(refuse(directory));
    const planned = plannedTensors(merging, dtype);
    let done = 0;
    const shards = yield* writeShards(
      directory,
      planned,
      ({ name }) =>
        Effect.andThen(
          Effect.suspend(() => onProgress(done++, planned.length)),
          mergedValues(merging, name),
        ),
      shardBytes === undefined ? {} : { shardBytes },
    );
    yield* publish;
    return shards;
  }));

const plannedTensors = (
  { opened: { architecture, shape, weights }, rows, unties }: Merging,
  dtype: FloatDtype | undefined,
): ReadonlyArray<PlannedTensor> => {
  const { embedding, head } = architecture.tensors;
  const sources = parameterSpecs(
    architecture,
    { ...shape, tiedHead: shape.tiedHead && !unties },
    wholeTable(shape),
  )
    .flatMap(({ sources }) => sources);
  return sources.map(({ name, shape }) => {
    const { dtype: own } = weights.describe(unties && name === head ? embedding : name) ?? {};
    return {
      name,
      shape: name === embedding || name === head ? [rows, ...shape.slice(1)] : shape,
      dtype: dtype ?? (own === "F16" || own === "BF16" ? own : "F32"),
    };
  });
};

const torchNames: Readonly<Record<FloatDtype, string>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

// transformers 5 says `dtype`, earlier ones `torch_dtype`: whichever is there is kept true.
const writeConfig = Effect.fnUntraced(function* (
  out: string,
  { opened: { directory, config }, rows, unties }: Merging,
  dtype: FloatDtype | undefined,
) {
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
  const file = path.join(directory, "config.json");
  const said = ["dtype", "torch_dtype"].filter((key) => dtype && key in config);
  const text = changeConfig(yield* fs.readFileString(file).pipe(refuse(file)), {
    ...Object.fromEntries(said.map((key) => [key, torchNames[dtype!]])),
    vocab_size: rows,
    ...unties ? { tie_word_embeddings: false } : {},
  });
  yield* writeFiles(out, { "config.json": text });
});

/**
 * A directory beside `out` in which it is made, and what gives it its name. Whatever ends the scope
 * before that removes it. An `out` that holds anything is refused.
 */
const workplace: (out: string) => Effect.Effect<
  { readonly directory: string; readonly publish: Effect.Effect<void, WeightsError> },
  WeightsError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> = Effect.fnUntraced(function* (out) {
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
  const target = path.resolve(out);
  const removeEmpty = Effect.gen(function* () {
    if (!(yield* fs.exists(target).pipe(refuse(out)))) return;
    const [found] = yield* fs.readDirectory(target).pipe(refuse(out));
    if (found !== undefined) {
      return yield* malformed(out, "directory", "new or empty", `with ${found}`);
    }
    yield* fs.remove(target, { recursive: true }).pipe(refuse(out));
  });
  yield* removeEmpty;
  const parent = path.dirname(target);
  yield* fs.makeDirectory(parent, { recursive: true }).pipe(refuse(parent));
  const options = { directory: parent, prefix: `.${path.basename(target)}-` };
  const around = yield* fs.makeTempDirectoryScoped(options).pipe(refuse(parent));
  const directory = path.join(around, path.basename(target));
  const rename = fs.rename(directory, target).pipe(refuse(out));
  return { directory, publish: Effect.uninterruptible(Effect.andThen(removeEmpty, rename)) };
});

// How the base generates, where it says so.
const copyBeside = Effect.fnUntraced(function* (model: string, out: string) {
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
  for (const name of ["generation_config.json", "special_tokens_map.json"]) {
    const from = path.join(model, name);
    if (yield* fs.exists(from).pipe(refuse(from))) {
      yield* fs.copyFile(from, path.join(out, name)).pipe(refuse(from));
    }
  }
});
