/** Draws the next token of each row: greedy, by temperature, by nucleus. @module */
import source from "../../kernels/sample_token.wgsl" with { type: "text" };
import rowsSource from "../../kernels/sample_token_rows.wgsl" with { type: "text" };
import { GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { randomUnit } from "../gpu/random.ts";

/** Binding of `kernels/sample_token.wgsl`. */
export const sampleTokenKernel: Kernel<
  "logits" | "seeds" | "steps" | "weights" | "tokens" | "logProbability",
  "rows" | "vocab" | "valid" | "temperature" | "topP"
> = {
  name: "sample_token",
  source,
  params: { rows: "u32", vocab: "u32", valid: "u32", temperature: "f32", topP: "f32" },
  bindings: {
    logits: { access: "in", shape: ({ rows, vocab }) => [rows, vocab] },
    seeds: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    steps: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    weights: { access: "inout", shape: ({ rows, vocab }) => [rows, vocab] },
    tokens: { access: "out", dtype: "u32", shape: ({ rows }) => [rows] },
    logProbability: { access: "out", shape: ({ rows }) => [rows] },
  },
  workgroups: ({ rows }) => rows,
};

/** Binding of `kernels/sample_token_rows.wgsl`: the same, one thread a row. */
export const sampleTokenRowsKernel: typeof sampleTokenKernel = {
  ...sampleTokenKernel,
  name: "sample_token_rows",
  source: rowsSource,
  workgroups: ({ rows }) => Math.ceil(rows / 8),
};

// On a software adapter the 70 barriers of a row cost more than its arithmetic, so that each row has
// one thread. But Mesa's ends a thread's loops after 65 535 iterations, all its loops together, and
// a row takes about 35 per column: large vocabularies are shared among more threads everywhere. Of 256
// each adds 34 times 256 partial sums, and with 1616 columns of its own reaches 65 519.
const mostColumns = 256 * 1616;

const kernelFor = (pass: Pass, { shape: [, vocab = 0] }: Tensor): typeof sampleTokenKernel => {
  const { software } = pass.adapter;
  if (vocab <= 1024 && software) return sampleTokenRowsKernel;
  if (vocab <= 16_384) return sampleTokenKernel;
  if (vocab > mostColumns && software) {
    throw new GpuError({
      reason: {
        _tag: "LimitExceeded",
        what: "Sampling from a vocabulary",
        limit: "loop length, in ids,",
        allowed: mostColumns,
        actual: vocab,
      },
    });
  }
  return { ...sampleTokenKernel, constants: { WG: 256 } };
};

/** How {@linkcode sampleToken} draws. */
export interface SamplingRule {
  /** Divides the logits; 0 takes the largest logit, the lowest id among equals. */
  readonly temperature: number;
  /** Draw from the fewest tokens that hold this share of the probability; 1 keeps all. */
  readonly topP: number;
  /** Tokens that may be drawn: the first so many; all unless told. */
  readonly valid?: number;
}

/** What was drawn for each row. */
export interface DrawnTokens {
  /** Ids, u32 `[rows]`. */
  readonly tokens: Tensor;
  /** Of each at temperature 1, in nats `[rows]`. */
  readonly logProbability: Tensor;
}

/**
 * `logits [rows, vocab]`, u32 `seeds [rows]` and `steps [rows]` → u32 `tokens [rows]` and the
 * `logProbability [rows]` of each at temperature 1, in nats, in new tensors or in those of `into`. Draw
 * `steps[row]` of a row depends on its seed and its logits alone.
 */
export const sampleToken = (
  pass: Pass,
  logits: Tensor,
  seeds: Tensor,
  steps: Tensor,
  { temperature, topP, valid }: SamplingRule,
  { kernel = kernelFor(pass, logits), into }: {
    readonly kernel?: typeof sampleTokenKernel;
    readonly into?: DrawnTokens;
  } = {},
): DrawnTokens => {
  const [rows = 0, vocab = 0] = logits.shape;
  const weights = pass.tensor([rows, vocab]);
  const { tokens, logProbability } = into ??
    { tokens: pass.tensor([rows], "u32"), logProbability: pass.tensor([rows]) };
  pass.dispatch(
    kernel,
    { rows, vocab, valid: valid ?? vocab, temperature, topP },
    { logits, seeds, steps, weights, tokens, logProbability },
  );
  pass.release(weights);
  return { tokens, logProbability };
};

/** One row in f64: the probabilities that {@linkcode sampleToken} draws from, 0 outside the nucleus. */
export const nucleusReference = (
  logits: ArrayLike<number>,
  { temperature, topP, valid = logits.length }: SamplingRule,
): Float64Array => {
  const kept = new Float64Array(logits.length);
  const ids = Array.from({ length: valid }, (_, id) => id);
  ids.sort((a, b) => logits[b]! - logits[a]! || a - b);
  if (temperature === 0) {
    kept[ids[0]!] = 1;
    return kept;
  }
  const largest = logits[ids[0]!]!;
  const weight = (id: number): number => Math.exp((logits[id]! - largest) / temperature);
  const wanted = topP * ids.reduce((sum, id) => sum + weight(id), 0);
  let mass = 0;
  for (const id of ids) {
    if (mass >= wanted) break;
    kept[id] = weight(id);
    mass += kept[id]!;
  }
  return kept.map((x) => x / mass);
};

/** The token that the reference's probabilities give for the draw (seed, step). */
export const sampleTokenReference = (
  logits: ArrayLike<number>,
  seed: number,
  step: number,
  rule: SamplingRule,
): number => {
  const probabilities = nucleusReference(logits, rule);
  const point = randomUnit(seed, step, 0);
  let sum = 0;
  let last = 0;
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id] === 0) continue;
    if (sum > point) break;
    last = id;
    sum += probabilities[id]!;
  }
  return last;
};
