/** AdamW on flat parameters, with the gradient clipped and zeroed in the same dispatch. @module */
import source from "../../kernels/adamw.wgsl" with { type: "text" };
import { type Pass, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/adamw.wgsl`. */
export const adamwKernel: Kernel<
  "value" | "gradient" | "first" | "second" | "norm",
  | "size"
  | "keep"
  | "beta1"
  | "rest1"
  | "beta2"
  | "rest2"
  | "stepSize"
  | "rootCorrection2"
  | "eps"
  | "clipNorm"
  | "lazy"
> = {
  name: "adamw",
  source,
  params: {
    size: "u32",
    keep: "f32",
    beta1: "f32",
    rest1: "f32",
    beta2: "f32",
    rest2: "f32",
    stepSize: "f32",
    rootCorrection2: "f32",
    eps: "f32",
    clipNorm: "f32",
    lazy: "u32",
  },
  bindings: {
    value: { access: "inout", shape: ({ size }) => [size] },
    gradient: { access: "inout", shape: ({ size }) => [size] },
    first: { access: "inout", shape: ({ size }) => [size] },
    second: { access: "inout", shape: ({ size }) => [size] },
    norm: { access: "in", shape: () => [1] },
  },
  workgroups: ({ size }) => Math.ceil(size / 256),
};

/** What an AdamW step updates; all but `norm` are flat and of one length. */
export interface AdamWTensors {
  readonly value: Tensor;
  /** Zeroed by the step. */
  readonly gradient: Tensor;
  /** Running mean of the gradient; zeros before the first step. */
  readonly first: Tensor;
  /** Running mean of its square; zeros before the first step. */
  readonly second: Tensor;
  /** Global norm `[1]` of all gradients, on the GPU. */
  readonly norm: Tensor;
}

/** The rule of one AdamW step. */
export interface AdamWOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Decoupled: a step takes learningRate · weightDecay of every value. */
  readonly weightDecay: number;
  /** Steps so far with this one: 1 at the first. */
  readonly step: number;
  /** Gradients are scaled down to this global norm; 0 leaves them as they are. */
  readonly clipNorm: number;
  /**
   * Pass over elements whose gradient is exactly 0: no decay, no momentum's tail. The bias correction
   * counts all steps nevertheless, as in PyTorch's SparseAdam. Off unless told.
   */
  readonly lazy?: boolean;
}

/** Updates `value`, `first` and `second` in place and zeroes `gradient`. */
export const adamw = (
  pass: Pass,
  tensors: AdamWTensors,
  { learningRate, beta1, beta2, eps, weightDecay, step, clipNorm, lazy = false }: AdamWOptions,
): void => {
  const params = {
    size: sizeOf(tensors.value.shape),
    keep: 1 - learningRate * weightDecay,
    beta1,
    rest1: 1 - beta1,
    beta2,
    rest2: 1 - beta2,
    stepSize: learningRate / (1 - beta1 ** step),
    rootCorrection2: Math.sqrt(1 - beta2 ** step),
    eps,
    clipNorm,
    lazy: lazy ? 1 : 0,
  };
  pass.dispatch(adamwKernel, params, { ...tensors });
};

/** The paper's algorithm 2 in f64, on numbers on the host; returns the three new arrays. */
export const adamwReference = (
  { value, gradient, first, second, norm }: {
    readonly value: ArrayLike<number>;
    readonly gradient: ArrayLike<number>;
    readonly first: ArrayLike<number>;
    readonly second: ArrayLike<number>;
    readonly norm: number;
  },
  { learningRate, beta1, beta2, eps, weightDecay, step, clipNorm, lazy = false }: AdamWOptions,
): {
  readonly value: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
} => {
  const clip = clipNorm > 0 ? Math.min(1, clipNorm / (norm + 1e-6)) : 1;
  const g = Float64Array.from(gradient, (part) => part * clip);
  const stays = (i: number): boolean => lazy && g[i] === 0;
  const m = g.map((part, i) => stays(i) ? first[i]! : beta1 * first[i]! + (1 - beta1) * part);
  const v = g.map((part, i) =>
    stays(i) ? second[i]! : beta2 * second[i]! + (1 - beta2) * part ** 2
  );
  const moved = Float64Array.from(value, (before, i) => {
    if (stays(i)) return before;
    const mean = m[i]! / (1 - beta1 ** step);
    const square = v[i]! / (1 - beta2 ** step);
    return before - learningRate * weightDecay * before -
      learningRate * mean / (Math.sqrt(square) + eps);
  });
  return { value: moved, first: m, second: v };
};
