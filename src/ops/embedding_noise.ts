/** Uniform noise on embedded tokens, computed from a counter: NEFTune. @module */
import source from "../../kernels/embedding_noise.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { randomBits, randomUnit } from "../gpu/random.ts";

/** Binding of `kernels/embedding_noise.wgsl`. */
export const embeddingNoiseKernel: Kernel<
  "x" | "starts" | "ends",
  "rows" | "hidden" | "seed" | "stream" | "alpha"
> = {
  name: "embedding_noise",
  source,
  params: { rows: "u32", hidden: "u32", seed: "u32", stream: "u32", alpha: "f32" },
  bindings: {
    x: { access: "inout", shape: ({ rows, hidden }) => [rows, hidden] },
    starts: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    ends: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
  },
  workgroups: ({ rows, hidden }) => Math.ceil(rows * hidden / 256),
};

/** Names one noise: the same three numbers give the same one again. */
export interface EmbeddingNoise {
  /** Length of the noise of a whole sequence is about alpha / √3; the paper's are 5, 10 and 15. */
  readonly alpha: number;
  readonly seed: number;
  /** Changes with every micro-batch. */
  readonly step: number;
}

// The draws of one seed are also those of fresh weights, stream by stream.
const apart = 0x6e6f6973;

const paramsOf = ({ alpha, seed, step }: EmbeddingNoise) => ({
  alpha,
  seed: randomBits(seed, apart, 0),
  stream: step,
});

/**
 * Adds noise in place to `x [rows, hidden]`, embedded tokens; u32 `starts` and `ends` `[rows]` say which
 * rows are one sequence. Its backward is the gradient itself.
 */
export const embeddingNoise = (
  pass: Pass,
  x: Tensor,
  { starts, ends }: { readonly starts: Tensor; readonly ends: Tensor },
  noise: EmbeddingNoise,
): void => {
  const [rows = 0, hidden = 0] = x.shape;
  const tensors = { x, starts, ends };
  pass.dispatch(embeddingNoiseKernel, { rows, hidden, ...paramsOf(noise) }, tensors);
};

/** The same draws on the host; the sum is in f64. */
export const embeddingNoiseReference = (
  x: ArrayLike<number>,
  starts: ArrayLike<number>,
  ends: ArrayLike<number>,
  noise: EmbeddingNoise,
): Float64Array => {
  const { alpha, seed, stream } = paramsOf(noise);
  const hidden = x.length / starts.length;
  return Float64Array.from(x, (value, i) => {
    const row = Math.floor(i / hidden);
    const u = 2 * randomUnit(seed, stream, i) - 1;
    return value + alpha / Math.sqrt((ends[row]! - starts[row]!) * hidden) * u;
  });
};
