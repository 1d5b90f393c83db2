/** What each tensor of a merged model is: the base's, with what the adapter adds to it. @module */
import { Effect } from "effect";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import { matmulNN } from "../ops/matmul.ts";
import {
  type Adapter as StoredAdapter,
  type LoraMatrices,
  scalingOf,
} from "../weights/stored_adapter.ts";
import type { HostTensor } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { OpenModel } from "./open_model.ts";

/** A base and the adapter that is merged into it. */
export interface Merging {
  readonly opened: OpenModel;
  readonly stored: StoredAdapter;
  /** Rows of the merged tables: the base's, and new tokens' behind them. */
  readonly rows: number;
  /** Head and embedding were tied, and the adapter changes the embedding alone. */
  readonly unties: boolean;
}

/** The values of the merged tensor called `name`, row-major. */
export const mergedValues = (
  merging: Merging,
  name: string,
): Effect.Effect<Float32Array, GpuError | WeightsError, Gpu> =>
  Effect.gen(function* () {
    const { opened: { architecture, weights }, stored } = merging;
    const { embedding, head } = architecture.tensors;
    if (name === embedding || name === head) return yield* mergedTable(merging, name);
    const base = yield* weights.read(name);
    const lora = stored.linears.get(name.replace(/\.weight$/, ""));
    if (!lora) return base.data;
    const sum = yield* addProduct(base, lora, scalingOf(stored, lora));
    return lora.magnitude ? scaleRows(sum, lora.magnitude.data) : sum;
  });

/** Embedding or head, with new tokens' rows; those that the adapter lacks are zero. */
const mergedTable = (
  { opened: { architecture: { tensors }, shape, weights }, stored, rows, unties }: Merging,
  name: string,
): Effect.Effect<Float32Array, GpuError | WeightsError, Gpu> =>
  Effect.gen(function* () {
    const isEmbedding = name === tensors.embedding;
    const base = yield* weights.read(unties ? tensors.embedding : name);
    const lora = isEmbedding ? stored.embedding : undefined;
    // PEFT's A [rank, vocab] and B [hidden, rank] are of the table's transpose.
    const data = lora
      ? yield* addProduct(
        base,
        { a: transposed(lora.b), b: transposed(lora.a) },
        scalingOf(stored, lora),
      )
      : base.data;
    const trained = isEmbedding ? stored.rows?.input : stored.rows?.output;
    if (rows === shape.vocab && !trained) return data;
    const table = new Float32Array(rows * shape.hidden);
    table.set(data);
    for (const [index, { id }] of (trained ? stored.rows!.tokens : []).entries()) {
      const row = trained!.data.subarray(index * shape.hidden, (index + 1) * shape.hidden);
      table.set(row, id * shape.hidden);
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

/** DoRA: gives the row o of `matrix` the length `magnitude[o]` (arXiv 2402.09353, equation 5). */
const scaleRows = (matrix: Float32Array, magnitude: Float32Array): Float32Array => {
  const cols = matrix.length / magnitude.length;
  for (const [row, length] of magnitude.entries()) {
    const values = matrix.subarray(row * cols, (row + 1) * cols);
    const factor = length / Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    for (let col = 0; col < cols; col++) values[col] = values[col]! * factor;
  }
  return matrix;
};

const transposed = ({ shape: [rows = 0, cols = 0], data }: HostTensor): HostTensor => {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) turned[col * rows + row] = data[row * cols + col]!;
  }
  return { shape: [cols, rows], data: turned };
};
