/** Merges an adapter into its base and writes the result as a model directory, tensor by tensor. @module */
import { Effect, FileSystem, Path } from "effect";
import type { DataError } from "../data/data_error.ts";
import { writeTokenizer } from "../data/tokenizer_files.ts";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import { matmulNN } from "../ops/matmul.ts";
import { checkBase } from "../weights/adapter_base.ts";
import { formatJson, refuse, writeFiles } from "../weights/files.ts";
import { type Adapter as StoredAdapter, type LoraMatrices, readAdapter } from "../weights/peft.ts";
import type { FloatDtype } from "../weights/safetensors.ts";
import { type PlannedShard, type PlannedTensor, writeShards } from "../weights/shard_writer.ts";
import type { HostTensor } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { checkAdapter } from "./check_adapter.ts";
import { readTokenizers } from "./load_model.ts";
import type { ModelError } from "./model_error.ts";
import { type OpenModel, openModel } from "./open_model.ts";
import { parameterSpecs } from "./parameter_specs.ts";
import { wholeTable } from "./table_cuts.ts";

/** What to merge, and how to store it. */
export interface MergeOptions {
  /** The base model's directory. */
  readonly model: string;
  /** The adapter's folder. */
  readonly adapter: string;
  /** Where the merged model is written; made where it is not. */
  readonly out: string;
  /** Type of every tensor; that of the base's unless told. */
  readonly dtype?: FloatDtype;
  /** Most bytes a file; 5 GB unless told. */
  readonly shardBytes?: number;
  /** Sees the name of each tensor before it is merged. */
  readonly onTensor?: (name: string) => Effect.Effect<void>;
}

/** Writes W + scale·B·A for every adapted weight, and the rest of the base with new tokens' rows. */
export const mergeModel = (
  { model, adapter, out, dtype, shardBytes, onTensor = () => Effect.void }: MergeOptions,
): Effect.Effect<
  ReadonlyArray<PlannedShard>,
  GpuError | WeightsError | ModelError | DataError,
  Gpu | FileSystem.FileSystem | Path.Path
> =>
  Effect.scoped(Effect.gen(function* () {
    const opened = yield* openModel(model);
    const { architecture, shape, weights, config } = opened;
    const stored = yield* readAdapter(adapter);
    yield* checkBase(stored.base, model);
    yield* checkAdapter(opened, adapter, stored);
    const ids = stored.rows?.tokens.map(({ id }) => id) ?? [];
    const rows = Math.max(shape.vocab, ...ids.map((id) => id + 1));
    const sources = parameterSpecs(architecture, shape, wholeTable(shape)).flatMap(({ sources }) =>
      sources
    );
    const { embedding, head } = architecture.tensors;
    const planned = sources.map(({ name, shape }): PlannedTensor => ({
      name,
      shape: name === embedding || name === head ? [rows, ...shape.slice(1)] : shape,
      dtype: dtype ?? asFloat(weights.describe(name)?.dtype),
    }));
    const merging = { opened, stored, rows };
    const shards = yield* writeShards(
      out,
      planned,
      ({ name }) => Effect.andThen(onTensor(name), mergedValues(merging, name)),
      shardBytes === undefined ? {} : { shardBytes },
    );
    yield* writeConfig(out, config, rows, dtype);
    yield* copyBeside(model, out);
    const tokenizer = yield* readTokenizers(model, adapter, stored);
    if (tokenizer) yield* writeTokenizer(out, tokenizer).pipe(refuse(out));
    return shards;
  }));

const asFloat = (dtype: string | undefined): FloatDtype =>
  dtype === "F16" || dtype === "BF16" ? dtype : "F32";

/** What the values of a merged tensor are made of. */
interface Merging {
  readonly opened: OpenModel;
  readonly stored: StoredAdapter;
  /** Rows of the merged tables. */
  readonly rows: number;
}

const mergedValues = (
  { opened: { architecture, shape, weights }, stored, rows }: Merging,
  name: string,
): Effect.Effect<Float32Array, GpuError | WeightsError, Gpu> =>
  Effect.gen(function* () {
    const base = yield* weights.read(name);
    const scale = stored.alpha / (stored.rsLora ? Math.sqrt(stored.rank) : stored.rank);
    const linear = stored.linears.get(name.replace(/\.weight$/, ""));
    if (linear) return yield* addProduct(base, linear, scale);
    const { embedding, head } = architecture.tensors;
    if (name !== embedding && name !== head) return base.data;
    const table = new Float32Array(rows * shape.hidden);
    table.set(base.data);
    const own = name === embedding ? stored.rows?.input : stored.rows?.output;
    for (const [index, { id }] of (own ? stored.rows!.tokens : []).entries()) {
      table.set(
        own!.data.subarray(index * shape.hidden, (index + 1) * shape.hidden),
        id * shape.hidden,
      );
    }
    return table;
  });

// W + scale·B·A on the GPU, as many rows at a time as one binding holds.
const addProduct = (
  { shape, data }: HostTensor,
  { a, b }: LoraMatrices,
  scale: number,
): Effect.Effect<Float32Array, GpuError, Gpu> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [outputs = 0, inputs = 0] = shape;
    const [rank = 0] = a.shape;
    const most = Math.floor(gpu.adapter.limits.maxStorageBufferBindingSize / 4 / inputs);
    const merged = new Float32Array(data.length);
    for (let from = 0; from < outputs; from += most) {
      const to = Math.min(outputs, from + most);
      const part = yield* Effect.scoped(Effect.gen(function* () {
        const w = yield* gpu.upload(data.subarray(from * inputs, to * inputs), [to - from, inputs]);
        const onA = yield* gpu.upload(a.data, a.shape);
        const onB = yield* gpu.upload(b.data.subarray(from * rank, to * rank), [to - from, rank]);
        yield* gpu.submit((pass) => matmulNN(pass, onB, onA, { into: w, accumulate: true, scale }));
        return yield* gpu.download(w);
      }));
      merged.set(part, from * inputs);
    }
    return merged;
  });

const torchNames: Readonly<Record<FloatDtype, string>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

// transformers 5 says `dtype`, earlier ones `torch_dtype`: whichever is there is kept true.
const writeConfig = (
  out: string,
  config: OpenModel["config"],
  vocab: number,
  dtype: FloatDtype | undefined,
) => {
  const said = ["dtype", "torch_dtype"].filter((key) => key in config);
  const renamed = dtype === undefined
    ? {}
    : Object.fromEntries(said.map((key) => [key, torchNames[dtype]]));
  return writeFiles(out, {
    "config.json": formatJson({ ...config, ...renamed, vocab_size: vocab }),
  });
};

// How the base generates, where it says so.
const copyBeside = (model: string, out: string) =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    for (const name of ["generation_config.json", "special_tokens_map.json"]) {
      const from = path.join(model, name);
      if (yield* fs.exists(from).pipe(refuse(from))) {
        yield* fs.copyFile(from, path.join(out, name)).pipe(refuse(from));
      }
    }
  });
