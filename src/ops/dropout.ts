/** Dropout whose mask is computed from a counter, so that it is never stored. @module */
import source from "../../kernels/dropout.wgsl" with { type: "text" };
import { type Pass, reshape, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Names one mask: the same four numbers and shape give the same mask again. */
export interface DropoutMask {
  /** Probability that an element is dropped, in [0, 1). */
  readonly rate: number;
  readonly seed: number;
  /** Changes with every micro-batch. */
  readonly step: number;
  /** Tells the masks of one step from each other. */
  readonly stream: number;
}

/** Binding of `kernels/dropout.wgsl`. */
export const dropoutKernel: Kernel<
  "x" | "y",
  "size" | "keyLow" | "keyHigh" | "threshold" | "scale"
> = {
  name: "dropout",
  source,
  params: { size: "u32", keyLow: "u32", keyHigh: "u32", threshold: "u32", scale: "f32" },
  bindings: {
    x: { access: "in", shape: ({ size }) => [size] },
    y: { access: "out", shape: ({ size }) => [size] },
  },
  workgroups: ({ size }) => Math.ceil(size / 64),
};

/** `x` of any shape → `y = x · mask / (1 - rate)`. Its backward is itself, applied to dY. */
export const dropout = (pass: Pass, x: Tensor, mask: DropoutMask): Tensor => {
  const size = sizeOf(x.shape);
  const y = pass.tensor(x.shape);
  const flatX = reshape(x, [size]);
  pass.dispatch(dropoutKernel, { size, ...paramsOf(mask) }, { x: flatX, y: reshape(y, [size]) });
  return y;
};

/** The same masks on the host, bit by bit; the product is in f64. */
export const dropoutReference = (x: ArrayLike<number>, mask: DropoutMask): Float64Array => {
  const { keyLow, keyHigh, threshold } = paramsOf(mask);
  return Float64Array.from(x, (value, i) => {
    const bits = mix32(mix32(i + keyLow) ^ keyHigh);
    return bits >= threshold ? value / (1 - mask.rate) : 0;
  });
};

// Seed, step and stream enter one after the other, so that neighbours in one are unrelated.
const paramsOf = ({ rate, seed, step, stream }: DropoutMask) => {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`Expected a dropout rate in [0, 1) but found ${rate}`);
  }
  const keyLow = mix32(mix32(mix32(seed) ^ step) ^ stream);
  const keyHigh = mix32(keyLow + 0x9e3779b9);
  return { keyLow, keyHigh, threshold: Math.floor(rate * 2 ** 32), scale: 1 / (1 - rate) };
};

const mix32 = (bits: number): number => {
  let h = bits >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};
