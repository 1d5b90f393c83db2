/** The fewest bytes that a LoRA step can hold at its peak, each part written out. @module */
import type { Architecture, ModelShape } from "../models/architecture.ts";
import { parameterSpecs } from "../models/parameter_specs.ts";
import type { LoraOptions } from "../nn/adapter.ts";
import { type StorageFormat, storedBytes } from "../weights/pack.ts";

/** One part of the minimum. */
export interface BytesPart {
  readonly what: string;
  /** The formula, in the names of `ModelShape`. */
  readonly formula: string;
  readonly bytes: number;
}

/** What a step trains, and on what. */
export interface MinimumOf {
  /** Tokens of a micro-batch. */
  readonly tokens: number;
  readonly lora: Pick<LoraOptions, "rank" | "targetModules">;
  /** How the base's matrices are stored; f32 unless told. */
  readonly storage?: StorageFormat;
  /** Whether only layer inputs are kept, and each layer runs again; not unless told. */
  readonly gradientCheckpointing?: boolean;
}

/**
 * The parts at the moment when the backward enters the last layer: activations are f32, no product is
 * computed twice unless a layer runs again, and what an elementwise kernel can make again from what is
 * kept is not kept (the outputs of both norms, act(gate)·up). Logits exist in pieces that count nothing.
 */
export const minimumBytes = (
  architecture: Architecture,
  shape: ModelShape,
  { tokens, lora: { rank, targetModules }, storage = "f32", gradientCheckpointing = false }:
    MinimumOf,
): ReadonlyArray<BytesPart> => {
  const { hidden, intermediate, heads, kvHeads, headDim, layers, vocab } = shape;
  const table = [{ from: 0, to: vocab, packable: true }];
  const weights = parameterSpecs(architecture, shape, table).reduce((sum, spec) => {
    const size = spec.shape.reduce((product, length) => product * length, 1);
    return sum + storedBytes(spec.packable ? storage : "f32", size);
  }, 0);
  const linears = Array.from({ length: layers }, (_, i) => architecture.linears(shape, i)).flat();
  const adapted = linears
    .flatMap(({ inputs, parts }) => parts.map((part) => ({ inputs, ...part })))
    .filter(({ module }) => targetModules.includes(module));
  const adapter = adapted.reduce(
    (sum, { inputs, from, to }) => sum + rank * (inputs + to - from),
    0,
  );
  const qkv = (heads + 2 * kvHeads) * headDim;
  const kept = gradientCheckpointing ? 1 : layers;
  const each = (what: string, formula: string, numbers: number): BytesPart => ({
    what: `of ${gradientCheckpointing ? "the layer that runs again" : "each layer"}: ${what}`,
    formula: `4 · ${gradientCheckpointing ? "" : "layers · "}tokens · ${formula}`,
    bytes: 4 * kept * tokens * numbers,
  });
  const inputs: BytesPart = {
    what: "inputs of the layers",
    formula: "4 · layers · tokens · hidden",
    bytes: 4 * layers * tokens * hidden,
  };
  return [
    {
      what: "frozen weights",
      formula: storage === "f32"
        ? "4 · parameters of the base"
        : `parameters of the base, matrices in ${storage}`,
      bytes: weights,
    },
    {
      what: "adapter and its gradient",
      formula: "4 · 2 · Σ rank · (in + out)",
      bytes: 8 * adapter,
    },
    { what: "AdamW's two moments", formula: "4 · 2 · Σ rank · (in + out)", bytes: 8 * adapter },
    {
      what: "the batch: ids, positions, starts, ends, targets",
      formula: "4 · 5 · tokens",
      bytes: 20 * tokens,
    },
    inputs,
    each("1 / rms of both norms", "2", 2),
    each("rotated queries, keys, values", "(heads + 2 kvHeads) · headDim", qkv),
    each("what attention gives, and log-sum-exp", "heads · (headDim + 1)", heads * (headDim + 1)),
    each("input of the second norm", "hidden", hidden),
    each("gate and up", "2 · intermediate", 2 * intermediate),
    each(
      "x·Aᵀ of every adapted linear",
      `${adapted.length / layers} · rank`,
      rank * adapted.length / layers,
    ),
    {
      what: "gradient of the residual stream",
      formula: "4 · tokens · hidden",
      bytes: 4 * tokens * hidden,
    },
    {
      what: "widest gradient inside a layer; gate's and up's lie over them",
      formula: "4 · tokens · max(intermediate, (heads + 2 kvHeads) · headDim)",
      bytes: 4 * tokens * Math.max(intermediate, qkv),
    },
  ];
};

/** The sum of parts. */
export const totalBytes = (parts: ReadonlyArray<BytesPart>): number =>
  parts.reduce((sum, { bytes }) => sum + bytes, 0);
