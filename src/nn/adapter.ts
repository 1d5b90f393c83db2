/** A LoRA adapter over a decoder, with trained rows for new tokens. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import type { FusedLinear } from "../models/architecture.ts";
import type { Decoder } from "../models/decoder.ts";
import type { ModelError } from "../models/model_error.ts";
import { scatterRows } from "../ops/embedding.ts";
import { accumulate } from "../ops/residual_add.ts";
import { unpacked } from "../ops/unpack.ts";
import { type AdapterPlan, checkPlan, planAdapter } from "./adapter_plan.ts";
import {
  type AdapterSpec,
  embeddingNames,
  embeddingSpecs,
  linearSpecs,
  magnitudeName,
} from "./adapter_specs.ts";
import { adaptedNorms } from "./dora.ts";
import { linearsOf, mapLinears } from "./linears.ts";
import type { Lora, LoraTarget } from "./lora_linear.ts";
import { allocateParameters, type Parameter, parameter, type Parameters } from "./parameters.ts";

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
  /** Train the lengths of the adapted rows of W too (DoRA, arXiv 2402.09353); off unless told. */
  readonly dora?: boolean;
  /** Learning rate of the linears' B over that of everything else (LoRA+, arXiv 2402.12354); 1 unless told. */
  readonly loraPlusRatio?: number;
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
  readonly plan: AdapterPlan;
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

const rowsName = "new_rows";

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
    const dora = shape.dora
      ? { dora: { magnitude: parameter(parameters, magnitudeName(path)) } }
      : {};
    targets.push({ module, from, to, ranks, scale: shape.scale, b, ...dora });
  }
  return { dropout, stream, a: parameter(parameters, `${linear.name}.a`), targets };
};

/** What an adapter starts from, where not from fresh values. */
export interface AdapterStart {
  readonly rows?: NewRows;
  readonly saved?: SavedValues;
  /** Takes the place of the modules, rank and alpha of the options. */
  readonly plan?: AdapterPlan;
  /** Whether gradients and moments are allocated: true unless told. Without, it runs and cannot be trained. */
  readonly trainable?: boolean;
}

/**
 * Puts a fresh adapter (or the one in `saved`) onto `base`, whose own weights stay as they are; it
 * lives as long as the scope. Fails with `UnknownModule` for a target that the model lacks, and with
 * `BadOption` for options that exclude each other.
 */
export const makeAdapter = (
  base: Decoder,
  options: LoraOptions,
  seed: number,
  { rows, saved, plan: given, trainable = true }: AdapterStart = {},
): Effect.Effect<Adapter, GpuError | ModelError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const plan = given ?? (yield* planAdapter(base, options));
    yield* checkPlan(plan, options.dropout, rows !== undefined);
    const fused = base.layers.flatMap((_, index) => base.architecture.linears(base.shape, index));
    const { hidden } = base.shape;
    const specs: AdapterSpec[] = [
      ...fused.flatMap((linear, stream) =>
        linearSpecs(linear, stream, plan, seed, options.loraPlusRatio)
      ),
      ...embeddingSpecs(base, plan, fused.length, seed),
    ];
    if (rows?.trained) {
      specs.push({ name: rowsName, shape: [rows.ids.length, hidden], initial: () => rows.input });
    }
    const parameters = yield* allocateParameters(
      specs,
      ({ name, initial }) => Effect.succeed(saved?.get(name) ?? initial()),
      trainable,
    );
    const loras = new Map<string, Lora>();
    for (const [stream, linear] of fused.entries()) {
      const lora = loraOf(linear, stream, plan, options.dropout, parameters);
      if (lora) loras.set(linear.name, lora);
    }
    const embeddingLora = plan.embedding
      ? {
        scale: plan.embedding.scale * base.shape.embeddingScale,
        a: parameter(parameters, embeddingNames.a),
        b: parameter(parameters, embeddingNames.b),
      }
      : undefined;
    const decoder = mapLinears(
      { ...base, ...embeddingLora ? { embeddingLora } : {} },
      (linear, name) => {
        const lora = loras.get(name);
        return lora ? { ...linear, lora } : linear;
      },
    );
    yield* fillMagnitudes(gpu, decoder, saved);
    const placed = rows && (yield* placeRows(gpu, rows, hidden, parameters));
    return {
      options,
      plan,
      decoder,
      parameters,
      linears: fused.flatMap((linear) => {
        const lora = loras.get(linear.name);
        return lora ? [{ linear, lora }] : [];
      }),
      ...placed ? { rows: placed } : {},
    };
  });

// A magnitude without a saved value begins as ‖W + scale·B·A‖, which changes no output.
const fillMagnitudes = (
  gpu: Gpu,
  decoder: Decoder,
  saved: SavedValues | undefined,
): Effect.Effect<void, GpuError> =>
  Effect.forEach(linearsOf(decoder), ({ weight, lora }) => {
    const fresh = lora?.targets.filter(({ dora }) => dora && !saved?.has(dora.magnitude.name)) ??
      [];
    if (!lora || fresh.length === 0) return Effect.void;
    return Effect.scoped(gpu.submit((pass) =>
      unpacked(pass, weight.value, (w) => {
        for (const target of fresh) {
          const norms = adaptedNorms(pass, w, lora.a, target);
          accumulate(pass, target.dora!.magnitude.value, norms);
          pass.release(norms);
        }
      })
    ));
  }, { discard: true });

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
