/** What a run will take of the GPU's memory, computed before anything is uploaded. @module */
import type { LoraOptions } from "../nn/adapter.ts";
import { mostMerged } from "../nn/merge.ts";
import { type StorageFormat, storedBytes } from "../weights/pack.ts";
import type { Architecture, ModelShape } from "./architecture.ts";
import { parameterSpecs } from "./parameter_specs.ts";

/** Tokens of prompts that generation reads at once: enough to fill a GPU. A longer prompt is read alone. */
export const promptTokens = 4096;

/** What is planned for. */
export interface PlannedRun {
  readonly storage: StorageFormat;
  /** New tokens with a trained row. */
  readonly newTokens: number;
  readonly lora?:
    & Pick<LoraOptions, "rank" | "targetModules" | "dora">
    & Partial<Pick<LoraOptions, "dropout">>;
  /** Tokens of the largest micro-batch; 0 where nothing is trained, and an adapter only runs. */
  readonly trainedTokens: number;
  /** Keep only each layer's input for the backward. */
  readonly gradientCheckpointing: boolean;
  /** Answers generated at once, the longest of them with its prompt, and the longest prompt, in tokens. */
  readonly generated: { readonly batch: number; readonly tokens: number; readonly prompt: number };
}

/** Bytes by what they are for. */
export interface MemoryPlan {
  /** The base model's weights. */
  readonly weights: number;
  /** LoRA matrices and new tokens' rows, with their gradients where they are trained. */
  readonly adapter: number;
  /** AdamW's two moments of those, where they are trained. */
  readonly optimizer: number;
  /** Copies of the weights that a trained adapter is merged into when it is tested. */
  readonly merged: number;
  /** What a training step keeps for its backward, and what the backward makes. */
  readonly activations: number;
  /** What the layers make of the prompts that are read at once, and of the open answers beside them. */
  readonly prompts: number;
  /** A chunk of logits, or the logits of a step of generation. */
  readonly logits: number;
  /** Keys and values of the answers that are being generated. */
  readonly cache: number;
  /** A packed weight, unpacked: DoRA measures the rows of those it adapts. */
  readonly unpacked: number;
  /** The most that are held at once: training and generation take turns. */
  readonly total: number;
}

// As in `src/ops/cross_entropy.ts`.
const logitsChunk = 64 * 2 ** 20;

// Buffers that wait for others of their size to be asked for again.
const withReuse = 1.08;

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
  const adapter = 4 * adapterNumbers(architecture, shape, run);
  const trains = run.trainedTokens > 0;
  const merged = trains ? mergedBytes(architecture, shape, run) : 0;
  const { kept, waiting, passing } = numbersPerToken(architecture, shape, run);
  const activations = run.trainedTokens * 4 * kept;
  const { batch, tokens, prompt } = run.generated;
  const read = Math.min(batch * prompt, Math.max(promptTokens, prompt));
  const prompts = (read + batch) * 4 * passing; // a step takes them with the open answers
  const cache = 2 * 4 * batch * tokens * shape.layers * shape.kvHeads * shape.headDim;
  const drawn = 2 * 4 * batch * rows; // the logits, and the sampler's weights of them
  const chunk = Math.min(logitsChunk, 4 * run.trainedTokens * rows);
  const unpacked = run.storage === "f32" || !run.lora?.dora ? 0 : Math.max(
    ...architecture.linears(shape, 0).map(({ inputs, outputs }) => 4 * inputs * outputs),
  );
  const kinds = trains ? 4 : 1; // values, gradients, moments
  const during = withReuse * Math.max(
    activations,
    run.trainedTokens * 4 * waiting + chunk,
    prompts + cache + drawn + merged,
  );
  return {
    weights,
    adapter: (trains ? 2 : 1) * adapter,
    optimizer: trains ? 2 * adapter : 0,
    merged,
    activations,
    prompts,
    logits: Math.max(chunk, drawn),
    cache,
    unpacked,
    total: weights + kinds * adapter + during + unpacked,
  };
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
  const table = lora.targetModules.includes("embed_tokens")
    ? lora.rank * (shape.vocab + newTokens + shape.hidden)
    : 0;
  return rows + table +
    linearsOf(architecture, shape).flatMap(({ inputs, parts }) =>
      parts.filter(({ module }) => lora.targetModules.includes(module))
        .map(({ from, to }) => lora.rank * (inputs + to - from))
    ).reduce((sum, numbers) => sum + numbers, 0);
};

// Of the f32 copies that `mergeWhereSmall` makes.
const mergedBytes = (
  architecture: Architecture,
  shape: ModelShape,
  { lora }: PlannedRun,
): number => {
  if (!lora) return 0;
  const adapted = linearsOf(architecture, shape).filter(({ parts }) =>
    parts.some(({ module }) => lora.targetModules.includes(module))
  );
  const bytes = adapted.reduce((sum, { inputs, outputs }) => sum + 4 * inputs * outputs, 0);
  return bytes <= mostMerged ? bytes : 0;
};

/**
 * Numbers that one token takes: `kept` where the backward enters the last layer, `waiting` while its
 * logits are made, and `passing` inside a layer of a forward that keeps nothing.
 */
const numbersPerToken = (
  architecture: Architecture,
  shape: ModelShape,
  { gradientCheckpointing, lora }: PlannedRun,
): { readonly kept: number; readonly waiting: number; readonly passing: number } => {
  const { hidden, intermediate, heads, kvHeads, headDim, layers } = shape;
  const gains = architecture.tensors.gains(0);
  const qkv = (heads + 2 * kvHeads) * headDim;
  const adapted = architecture.linears(shape, 0).flatMap(({ parts }) => parts)
    .filter(({ module }) => lora?.targetModules.includes(module)).length;
  // What a layer makes and its backward reads again: inputs of norms and linears, queries, keys and
  // values before and after their norms, what attention gives with its log-sum-exp, gate and up.
  const inside = 3 * hidden + qkv * (gains.heads ? 2 : 1) + heads * (headDim + 1) +
    (gains.attentionOutput ? hidden : 0) + 2 * intermediate +
    (gains.feedForwardOutput ? hidden : 0) + (lora?.rank ?? 0) * adapted;
  const waiting = layers * (gradientCheckpointing ? hidden : hidden + inside);
  const again = gradientCheckpointing ? inside : 0;
  // The gradients of the stream before and after the last norm, and of the product of gate and up; with
  // dropout also that of the adapter's input, before and after the mask.
  const gradients = 2 * hidden + (lora?.dropout ? 3 : 1) * intermediate +
    (gains.feedForwardOutput ? hidden : 0);
  return {
    kept: waiting + again + gradients,
    waiting: waiting + 3 * hidden, // the stream, the head's input and its gradient
    // A layer's input, what enters its down projection, its output, and rounding up.
    passing: inside + intermediate + 3 * hidden,
  };
};
