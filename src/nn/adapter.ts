/** A LoRA adapter over a decoder, with trained rows for new tokens. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass, sizeOf, type Tensor } from "../gpu/gpu.ts";
import { randomNormal, randomUnit } from "../gpu/random.ts";
import type { FusedLinear } from "../models/architecture.ts";
import type { Decoder } from "../models/decoder.ts";
import type { ModelError } from "../models/model_error.ts";
import { scatterRows } from "../ops/embedding.ts";
import { type AdapterPlan, planAdapter } from "./adapter_plan.ts";
import type { Linear, Lora, LoraTarget } from "./lora_linear.ts";
import {
  allocateParameters,
  type Parameter,
  parameter,
  type Parameters,
  type ParameterSpec,
} from "./parameters.ts";

/** Which linears are adapted, and how. */
export interface LoraOptions {
  readonly rank: number;
  readonly alpha: number;
  /** Probability that an element of the adapter's input is dropped in training. */
  readonly dropout: number;
  /** Hugging Face module names, such as `q_proj`; `embed_tokens` is the embedding. */
  readonly targetModules: ReadonlyArray<string>;
  /** Scale by alpha / √rank instead of alpha / rank (arXiv 2312.03732). */
  readonly rsLora: boolean;
}

/** Rows of new tokens: where they stand in the tables, and their initial values `[tokens, hidden]`. */
export interface NewRows {
  readonly ids: ReadonlyArray<number>;
  readonly input: Float32Array;
  /** Rows of the head; left out when the head is tied. They are set, and not trained. */
  readonly output?: Float32Array;
  /** Train the input rows; else they keep their initial value. */
  readonly trained: boolean;
}

/** Initial values other than the fresh ones, by parameter name: a saved adapter. */
export type SavedValues = ReadonlyMap<string, Float32Array>;

/** The trained part of a run, and the decoder that it is attached to. */
export interface Adapter {
  readonly options: LoraOptions;
  /** The base with this adapter in its linears: what forward and backward take. */
  readonly decoder: Decoder;
  readonly parameters: Parameters;
  readonly linears: ReadonlyArray<{ readonly linear: FusedLinear; readonly lora: Lora }>;
  readonly rows?: AdapterRows;
}

/** A model to run: a base, or a base with an adapter on it (then `decoder` is the adapter's). */
export interface Subject {
  readonly decoder: Decoder;
  readonly adapter?: Adapter;
}

/** The new tokens' rows on the GPU. */
export interface AdapterRows {
  readonly ids: Tensor;
  readonly input: Tensor;
  /** The trained parameter behind `input`, if it is trained. */
  readonly trained?: Parameter;
  readonly output?: Tensor;
}

interface AdapterSpec extends ParameterSpec {
  readonly initial: () => Float32Array;
}

// PyTorch's default for a linear, which PEFT gives to A: kaiming uniform with a = √5, that is
// U(−1/√in, 1/√in). B starts at zero, so the adapted model starts as the base.
const kaiming = (seed: number, stream: number, size: number, inputs: number) => () => {
  const bound = inputs ** -0.5;
  return Float32Array.from(
    { length: size },
    (_, element) => bound * (2 * randomUnit(seed, stream, element) - 1),
  );
};

// The A's of one linear's targets are stacked: they read the same input.
const specsOf = (
  linear: FusedLinear,
  stream: number,
  { linears }: AdapterPlan,
  seed: number,
): ReadonlyArray<AdapterSpec> => {
  const adapted = linear.parts.filter(({ path }) => linears.has(path));
  if (adapted.length === 0) return [];
  const ranks = adapted.reduce((sum, { path }) => sum + linears.get(path)!.rank, 0);
  const aShape = [ranks, linear.inputs];
  const initial = kaiming(seed, stream, sizeOf(aShape), linear.inputs);
  return [
    { name: `${linear.name}.a`, shape: aShape, initial },
    ...adapted.map(({ path, from, to }): AdapterSpec => {
      const shape = [to - from, linears.get(path)!.rank];
      return { name: `${path}.b`, shape, initial: () => new Float32Array(sizeOf(shape)) };
    }),
  ];
};

/** Names of the embedding's A `[rows, rank]` and B `[hidden, rank]` among an adapter's parameters. */
export const embeddingNames = { a: "embedding.a", b: "embedding.b" } as const;

// PEFT's fresh values for an embedding: A zero, B normal.
const embeddingSpecs = (
  { rows, shape: { hidden } }: Decoder,
  { embedding }: AdapterPlan,
  stream: number,
  seed: number,
): ReadonlyArray<AdapterSpec> => {
  if (!embedding) return [];
  const [a, b] = [[rows, embedding.rank], [hidden, embedding.rank]];
  const normal = (_: unknown, element: number): number => randomNormal(seed, stream, element);
  return [
    { name: embeddingNames.a, shape: a, initial: () => new Float32Array(sizeOf(a)) },
    {
      name: embeddingNames.b,
      shape: b,
      initial: () => Float32Array.from({ length: sizeOf(b) }, normal),
    },
  ];
};

const rowsName = "new_rows";

const attach = (linear: Linear, lora: Lora | undefined): Linear =>
  lora ? { ...linear, lora } : linear;

const loraOf = (
  linear: FusedLinear,
  stream: number,
  { linears }: AdapterPlan,
  dropout: number,
  parameters: Parameters,
): Lora | undefined => {
  if (!parameters.byName.has(`${linear.name}.a`)) return undefined;
  const targets: LoraTarget[] = [];
  let first = 0;
  for (const { module, path, from, to } of linear.parts) {
    const shape = linears.get(path);
    if (!shape) continue;
    const ranks = [first, first += shape.rank] as const;
    const b = parameter(parameters, `${path}.b`);
    targets.push({ module, from, to, ranks, scale: shape.scale, b });
  }
  return { dropout, stream, a: parameter(parameters, `${linear.name}.a`), targets };
};

/** What an adapter starts from, where not from fresh values. */
export interface AdapterStart {
  readonly rows?: NewRows;
  readonly saved?: SavedValues;
  /** Takes the place of the modules, rank and alpha of the options. */
  readonly plan?: AdapterPlan;
}

/**
 * Puts a fresh adapter (or the one in `saved`) onto `base`, whose own weights stay as they are; it
 * lives as long as the scope. Fails with `UnknownModule` for a target that the model lacks.
 */
export const makeAdapter = (
  base: Decoder,
  options: LoraOptions,
  seed: number,
  { rows, saved, plan: given }: AdapterStart = {},
): Effect.Effect<Adapter, GpuError | ModelError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const plan = given ?? (yield* planAdapter(base, options));
    const fused = base.layers.flatMap((_, index) => base.architecture.linears(base.shape, index));
    const { hidden } = base.shape;
    const specs: AdapterSpec[] = [
      ...fused.flatMap((linear, stream) => specsOf(linear, stream, plan, seed)),
      ...embeddingSpecs(base, plan, fused.length, seed),
    ];
    if (rows?.trained) {
      specs.push({ name: rowsName, shape: [rows.ids.length, hidden], initial: () => rows.input });
    }
    const parameters = yield* allocateParameters(
      specs,
      ({ name, initial }) => Effect.succeed(saved?.get(name) ?? initial()),
      true,
    );
    const loras = new Map<string, Lora>();
    for (const [stream, linear] of fused.entries()) {
      const lora = loraOf(linear, stream, plan, options.dropout, parameters);
      if (lora) loras.set(linear.name, lora);
    }
    const layers = base.layers.map(({ attending, attention, feedForward }, index) => ({
      attending,
      attention: {
        ...attention,
        qkv: attach(attention.qkv, loras.get(`layers.${index}.qkv`)),
        output: attach(attention.output, loras.get(`layers.${index}.output`)),
      },
      feedForward: {
        ...feedForward,
        gateUp: attach(feedForward.gateUp, loras.get(`layers.${index}.gateUp`)),
        down: attach(feedForward.down, loras.get(`layers.${index}.down`)),
      },
    }));
    const embeddingLora = plan.embedding
      ? {
        scale: plan.embedding.scale * base.shape.embeddingScale,
        a: parameter(parameters, embeddingNames.a),
        b: parameter(parameters, embeddingNames.b),
      }
      : undefined;
    const placed = rows && (yield* placeRows(gpu, rows, hidden, parameters));
    return {
      options,
      decoder: { ...base, layers, ...embeddingLora ? { embeddingLora } : {} },
      parameters,
      linears: fused.flatMap((linear) => {
        const lora = loras.get(linear.name);
        return lora ? [{ linear, lora }] : [];
      }),
      ...placed ? { rows: placed } : {},
    };
  });

const placeRows = (
  gpu: Gpu,
  rows: NewRows,
  hidden: number,
  parameters: Parameters,
): Effect.Effect<AdapterRows, GpuError, Scope.Scope> =>
  Effect.gen(function* () {
    const shape = [rows.ids.length, hidden];
    const trained = parameters.byName.get(rowsName);
    return {
      ids: yield* gpu.upload(Uint32Array.from(rows.ids), [rows.ids.length]),
      input: trained?.value ?? (yield* gpu.upload(rows.input, shape)),
      ...trained ? { trained } : {},
      ...rows.output ? { output: yield* gpu.upload(rows.output, shape) } : {},
    };
  });

/**
 * Writes the new tokens' rows into the base's tables. The base is shared by every adapter on it, so
 * this comes first in each pass that runs an adapter.
 */
export const placeAdapterRows = (pass: Pass, { decoder, rows }: Adapter): void => {
  if (!rows) return;
  scatterRows(pass, rows.input, rows.ids, decoder.embedding);
  if (rows.output) scatterRows(pass, rows.output, rows.ids, decoder.head);
};
