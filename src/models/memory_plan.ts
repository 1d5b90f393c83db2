/** What a run will take of the GPU's memory, computed before anything is uploaded. @module */
import type { LoraOptions } from "../nn/adapter.ts";
import { type StorageFormat, storedBytes } from "../weights/pack.ts";
import type { Architecture, ModelShape } from "./architecture.ts";
import { parameterSpecs } from "./parameter_specs.ts";

/** What is planned for. */
export interface PlannedRun {
  readonly storage: StorageFormat;
  /** New tokens with a trained row. */
  readonly newTokens: number;
  readonly lora?: Pick<LoraOptions, "rank" | "targetModules">;
  /** Tokens of the largest micro-batch; 0 where nothing is trained. */
  readonly trainedTokens: number;
  /** Keep only each layer's input for the backward. */
  readonly gradientCheckpointing: boolean;
  /** Answers generated at once, and the longest of them with its prompt, in tokens. */
  readonly generated: { readonly batch: number; readonly tokens: number };
}

/** Bytes by what they are for. */
export interface MemoryPlan {
  /** The base model's weights. */
  readonly weights: number;
  /** LoRA matrices and new tokens' rows with their gradients. */
  readonly adapter: number;
  /** AdamW's two moments of those. */
  readonly optimizer: number;
  /** What the forward keeps for the backward. */
  readonly activations: number;
  /** A chunk of logits, or the logits of a step of generation. */
  readonly logits: number;
  /** Keys and values of the answers that are being generated. */
  readonly cache: number;
  /** The most that are held at once: training and generation take turns. */
  readonly total: number;
}

const logitsChunk = 64 * 2 ** 20;

/** The plan of `run` on a model of `shape`. */
export const planMemory = (
  architecture: Architecture,
  shape: ModelShape,
  run: PlannedRun,
): MemoryPlan => {
  const rows = shape.vocab + run.newTokens;
  const cuts = [{ from: 0, to: rows, packable: true }];
  const weights = parameterSpecs(architecture, shape, cuts).reduce((sum, spec) => {
    const size = spec.shape.reduce((product, length) => product * length, 1);
    return sum + storedBytes(spec.packable ? run.storage : "f32", size);
  }, 0);
  const trained = 4 * adapterNumbers(architecture, shape, run);
  const activations = run.trainedTokens * 4 * numbersPerToken(architecture, shape, run);
  const { batch, tokens } = run.generated;
  const cache = 2 * 4 * batch * tokens * shape.layers * shape.kvHeads * shape.headDim;
  const drawn = 2 * 4 * batch * rows; // the logits, and the sampler's weights of them
  const chunk = Math.min(logitsChunk, 4 * run.trainedTokens * rows);
  const plan = {
    weights,
    adapter: 2 * trained,
    optimizer: 2 * trained,
    activations,
    logits: Math.max(chunk, drawn),
    cache,
  };
  const during = Math.max(activations + chunk, cache + drawn);
  return { ...plan, total: weights + 4 * trained + during };
};

const linearsOf = (architecture: Architecture, shape: ModelShape) =>
  Array.from({ length: shape.layers }, (_, index) => architecture.linears(shape, index)).flat();

const adapterNumbers = (
  architecture: Architecture,
  shape: ModelShape,
  { lora, newTokens }: PlannedRun,
): number => {
  const rows = newTokens * shape.hidden;
  if (!lora) return rows;
  return rows +
    linearsOf(architecture, shape).flatMap(({ inputs, parts }) =>
      parts.filter(({ module }) => lora.targetModules.includes(module))
        .map(({ from, to }) => lora.rank * (inputs + to - from))
    ).reduce((sum, numbers) => sum + numbers, 0);
};

// What the layers keep of one token: inputs of norms and linears, and what attention and the gate read
// again. Gradients of activations are as large as what one layer keeps.
const numbersPerToken = (
  architecture: Architecture,
  shape: ModelShape,
  { gradientCheckpointing, lora }: PlannedRun,
): number => {
  const { hidden, intermediate, heads, kvHeads, headDim, layers } = shape;
  const gains = architecture.tensors.gains(0);
  const qkv = (heads + 2 * kvHeads) * headDim;
  const rank = lora?.rank ?? 0;
  const adapted = architecture.linears(shape, 0).flatMap(({ parts }) => parts)
    .filter(({ module }) => lora?.targetModules.includes(module)).length;
  const inside = 3 * hidden + qkv * (gains.heads ? 2 : 1) + heads * (headDim + 1) +
    (gains.attentionOutput ? hidden : 0) + 3 * intermediate +
    (gains.feedForwardOutput ? hidden : 0) + rank * adapted;
  const kept = gradientCheckpointing
    ? layers * hidden + inside + hidden
    : layers * (hidden + inside);
  return kept + inside + 3 * hidden;
};
