/** An adapter between the GPU and PEFT's layout: stacked A's are cut, and put together again. @module */
import { Effect } from "effect";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import type { Decoder } from "../models/decoder.ts";
import type * as Stored from "../weights/stored_adapter.ts";
import type { TrainedToken } from "../weights/peft_config.ts";
import type { HostTensor } from "../weights/weights.ts";
import type { Adapter, SavedValues } from "./adapter.ts";
import type { LoraShape } from "./adapter_plan.ts";
import { embeddingNames, magnitudeName } from "./adapter_specs.ts";
import type { LoraEmbedding } from "./lora_embedding.ts";
import { downloadParameters, type Parameter } from "./parameters.ts";

/** Downloads `adapter` as the values that PEFT stores; `about` says what the GPU does not know. */
export const exportAdapter = (
  adapter: Adapter,
  about: Pick<Stored.Adapter, "base"> & { readonly tokens: ReadonlyArray<TrainedToken> },
): Effect.Effect<Stored.Adapter, GpuError, Gpu> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { rank, alpha, dropout, rsLora } = adapter.options;
    const { plan } = adapter;
    const ownAlpha = (shape: LoraShape | undefined) =>
      shape === undefined || shape.alpha === alpha ? {} : { alpha: shape.alpha };
    const values = yield* downloadParameters(adapter.parameters);
    const linears = new Map<string, Stored.LoraMatrices>();
    for (const { linear, lora } of adapter.linears) {
      const stacked = values.get(lora.a.name)!;
      for (const { ranks: [from, to], b, dora } of lora.targets) {
        const path = b.name.slice(0, -".b".length);
        linears.set(path, {
          a: {
            shape: [to - from, linear.inputs],
            data: stacked.slice(from * linear.inputs, to * linear.inputs),
          },
          b: hostTensor(b, values),
          ...ownAlpha(plan.linears.get(path)),
          ...dora ? { magnitude: hostTensor(dora.magnitude, values) } : {},
        });
      }
    }
    const { rows, decoder: { embeddingLora } } = adapter;
    const shape = [about.tokens.length, adapter.decoder.shape.hidden];
    return {
      rank,
      alpha,
      dropout,
      rsLora,
      base: about.base,
      linears,
      ...embeddingLora
        ? {
          embedding: { ...embeddingMatrices(embeddingLora, values), ...ownAlpha(plan.embedding) },
        }
        : {},
      ...rows
        ? {
          rows: {
            tokens: about.tokens,
            input: { shape, data: yield* gpu.download(rows.input) },
            ...rows.output ? { output: { shape, data: yield* gpu.download(rows.output) } } : {},
          },
        }
        : {},
    };
  });

const embeddingMatrices = (
  { a, b }: LoraEmbedding,
  values: ReadonlyMap<string, Float32Array>,
): Stored.LoraMatrices => {
  const [rows = 0, rank = 0] = a.value.shape;
  return {
    a: { shape: [rank, rows], data: transposed(values.get(a.name)!, rows, rank) },
    b: hostTensor(b, values),
  };
};

const hostTensor = (
  { name, value: { shape } }: Parameter,
  values: ReadonlyMap<string, Float32Array>,
): HostTensor => ({ shape, data: values.get(name)! });

const transposed = (data: Float32Array, rows: number, cols: number): Float32Array => {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) turned[col * rows + row] = data[row * cols + col]!;
  }
  return turned;
};

const joined = (parts: ReadonlyArray<Float32Array>): Float32Array => {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/**
 * Why `stored` cannot be trained on with rows of the tokens `ids`, where it cannot: {@linkcode
 * importAdapter} would leave out whole tables and rows of other tokens.
 */
export const rowsProblem = (
  { tables, rows }: Stored.Adapter,
  ids: ReadonlyArray<number>,
): string | undefined => {
  const own = rows?.tokens.map(({ id }) => id);
  if (own && own.join() !== ids.join()) return `has rows of the tokens ${own}, and not of ${ids}`;
  return tables ? `has whole tables: ${[...tables.keys()].join(", ")}` : undefined;
};

/** The parameter values of a stored adapter, named as `makeAdapter` names them on `decoder`. */
export const importAdapter = (decoder: Decoder, stored: Stored.Adapter): SavedValues => {
  const values = new Map<string, Float32Array>();
  decoder.layers.forEach((_, index) => {
    for (const linear of decoder.architecture.linears(decoder.shape, index)) {
      const adapted = linear.parts.flatMap(({ path }) => {
        const matrices = stored.linears.get(path);
        return matrices ? [{ path, matrices }] : [];
      });
      for (const { path, matrices: { b, magnitude: lengths } } of adapted) {
        values.set(`${path}.b`, b.data);
        if (lengths) values.set(magnitudeName(path), lengths.data);
      }
      const stacked = joined(adapted.map(({ matrices }) => matrices.a.data));
      if (adapted.length > 0) values.set(`${linear.name}.a`, stacked);
    }
  });
  if (stored.embedding) {
    const { a: { shape: [rank = 0, vocab = 0], data }, b } = stored.embedding;
    const table = new Float32Array(decoder.rows * rank); // rows of new tokens stay zero
    table.set(transposed(data, rank, vocab));
    values.set(embeddingNames.a, table);
    values.set(embeddingNames.b, b.data);
  }
  if (stored.rows) values.set("new_rows", stored.rows.input.data);
  return values;
};
