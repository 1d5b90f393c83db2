/** Brings a decoder's weights onto the GPU, in the format they are to be stored in. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { LayerAttention } from "../nn/attend.ts";
import type { DecoderLayer } from "../nn/decoder_layer.ts";
import type { Linear } from "../nn/lora_linear.ts";
import type { Norm } from "../nn/norm.ts";
import { allocatePacked } from "../nn/packed_weights.ts";
import {
  allocateParameters,
  type Parameter,
  parameter,
  type ParameterSpec,
  type Weight,
} from "../nn/parameters.ts";
import type { StorageFormat } from "../ops/unpack.ts";
import type { VocabularyTable } from "../ops/vocabulary_table.ts";
import type { Weights } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { Architecture, ModelShape, Rotary } from "./architecture.ts";
import type { Decoder } from "./decoder.ts";
import {
  biasName,
  gainNames,
  parameterSpecs,
  shardName,
  type StackedSpec,
} from "./parameter_specs.ts";
import { rotationTable } from "./rotations.ts";
import { tableCuts } from "./table_cuts.ts";

/** How to load a model. */
export interface LoadOptions {
  /** Give every weight a gradient (full-parameter training). */
  readonly trainable?: boolean;
  /** Ids of new tokens: rows that an adapter will write. Those behind the vocabulary start at zero. */
  readonly newIds?: ReadonlyArray<number>;
  /** How the linears and the tables are stored; f32 unless told, and always when `trainable`. */
  readonly storage?: StorageFormat;
  /** Longest sequence to prepare for; the model's own longest, at most 16,384, unless told. */
  readonly positions?: number;
  /** Most bytes that a shard of a table takes as f32: what one binding may hold, unless told. */
  readonly shardBytes?: number;
}

const mostPositions = 16_384;

/** Reads `weights` onto the GPU, one parameter at a time; they live as long as the scope. */
export const loadDecoder = (
  architecture: Architecture,
  shape: ModelShape,
  weights: Weights,
  { trainable = false, newIds = [], storage = "f32", positions, shardBytes }: LoadOptions = {},
): Effect.Effect<Decoder, GpuError | WeightsError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const rows = Math.max(shape.vocab, ...newIds.map((id) => id + 1));
    const packed = storage !== "f32" && !trainable;
    const cuts = tableCuts({
      rows,
      hidden: shape.hidden,
      shardBytes: shardBytes ?? gpu.adapter.limits.maxStorageBufferBindingSize,
      claimed: newIds,
      packed,
    });
    const specs = parameterSpecs(architecture, shape, cuts);
    const toPack = specs.filter(({ packable }) => packed && packable);
    const read = readStacked(weights);
    const parameters = yield* allocateParameters(
      specs.filter((spec) => !toPack.includes(spec)),
      read,
      trainable,
    );
    const packedWeights = storage === "f32"
      ? new Map<string, Weight>()
      : yield* allocatePacked(toPack, read, storage);
    const gain = (name: string): Parameter => parameter(parameters, name);
    const weight = (name: string): Weight => packedWeights.get(name) ?? gain(name);
    const table = (name: "embedding" | "head"): VocabularyTable => ({
      vocab: rows,
      hidden: shape.hidden,
      shards: cuts.map((cut) => {
        const { value, gradient } = weight(shardName(name, cut));
        return { from: cut.from, to: cut.to, rows: value, ...gradient ? { gradient } : {} };
      }),
    });
    const norm = (name: string): Norm => ({ gain: gain(name), eps: shape.normEps });
    const prepared = Math.min(shape.maxPositions, positions ?? mostPositions);
    const rotations = yield* uploadRotations(gpu, shape, prepared);
    const embedding = table("embedding");
    return {
      architecture,
      shape,
      rows,
      positions: prepared,
      parameters,
      embedding,
      head: shape.tiedHead ? embedding : table("head"),
      finalNorm: norm("finalGain"),
      layers: shape.layerRules.map((rule, index) =>
        layerOf(architecture, shape, index, { weight, gain, norm }, {
          rule: attentionRule(shape, rule.window),
          ...rule.rotary ? { rotations: rotations.get(rule.rotary)! } : {},
        })
      ),
    };
  });

const attentionRule = (
  { heads, kvHeads, headDim, attentionScale: scale, attentionSoftCap: softCap }: ModelShape,
  window: number | undefined,
): LayerAttention["rule"] => ({
  ...{ heads, kvHeads, headDim, scale },
  ...softCap === undefined ? {} : { softCap },
  ...window === undefined ? {} : { window },
});

/** How the parts of a layer find their weights. */
interface Finders {
  readonly weight: (name: string) => Weight;
  readonly gain: (name: string) => Parameter;
  readonly norm: (name: string) => Norm;
}

const layerOf = (
  architecture: Architecture,
  shape: ModelShape,
  index: number,
  { weight, gain, norm }: Finders,
  attending: LayerAttention,
): DecoderLayer => {
  const names = gainNames(index);
  const stored = architecture.tensors.gains(index);
  const linears = architecture.linears(shape, index).map(({ name, bias }): Linear => ({
    weight: weight(name),
    ...bias ? { bias: gain(biasName(name)) } : {},
  }));
  const [qkv, output, gateUp, down] = linears as [Linear, Linear, Linear, Linear];
  return {
    attending,
    attention: {
      norm: norm(names.attention),
      qkv,
      ...stored.heads
        ? {
          heads: {
            query: gain(names.query),
            key: gain(names.key),
            eps: shape.normEps,
            dims: attending.rule,
          },
        }
        : {},
      output,
      ...stored.attentionOutput ? { outputNorm: norm(names.attentionOutput) } : {},
    },
    feedForward: {
      norm: norm(names.feedForward),
      gateUp,
      activation: shape.activation,
      down,
      ...stored.feedForwardOutput ? { outputNorm: norm(names.feedForwardOutput) } : {},
    },
  };
};

// One table for all layers that turn alike.
const uploadRotations = (gpu: Gpu, { layerRules }: ModelShape, positions: number) =>
  Effect.gen(function* () {
    const tables = new Map<Rotary, Tensor>();
    for (const { rotary } of layerRules) {
      if (!rotary || tables.has(rotary)) continue;
      const cols = 2 * rotary.inverseFrequencies.length;
      tables.set(rotary, yield* gpu.upload(rotationTable(rotary, positions), [positions, cols]));
    }
    return tables;
  });

const readStacked = (weights: Weights) => (spec: ParameterSpec & StackedSpec) =>
  Effect.gen(function* () {
    const data = new Float32Array(sizeOf(spec.shape));
    let at = 0;
    for (const { name, shape, rows } of spec.sources) {
      const { data: part } = yield* weights.read(name, shape, rows);
      data.set(part, at);
      at += part.length;
    }
    return spec.offset === 0 ? data : data.map((value) => value + spec.offset);
  });
