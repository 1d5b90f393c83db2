/** Sums a tensor into one slot of another, so that a loss can be read late, among many. @module */
import source from "../../kernels/reduce_sum.wgsl" with { type: "text" };
import { type Pass, reshape, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { withRowThreads } from "./row_threads.ts";

/** Binding of `kernels/reduce_sum.wgsl`. */
export const reduceSumKernel: Kernel<"x" | "into", "size" | "slots" | "index" | "accumulate"> = {
  name: "reduce_sum",
  source,
  params: { size: "u32", slots: "u32", index: "u32", accumulate: "u32" },
  bindings: {
    x: { access: "in", shape: ({ size }) => [size] },
    into: { access: "inout", shape: ({ slots }) => [slots] },
  },
  workgroups: () => 1,
};

const largest = 2 ** 22; // more would be slow in one workgroup, and too long a loop for some drivers

/**
 * Writes Σ `x`, of any shape, to `ring[index]` of the 1-D `ring`; with `accumulate` adds it there.
 * Meant for small tensors, such as the losses of a micro-batch: one workgroup does it all, and more
 * than 2²² numbers are refused.
 */
export const sumInto = (
  pass: Pass,
  x: Tensor,
  ring: Tensor,
  index: number,
  accumulate = false,
): void => {
  const [size, slots] = [sizeOf(x.shape), sizeOf(ring.shape)];
  if (!(Number.isInteger(index) && 0 <= index && index < slots)) {
    throw new RangeError(`Expected an index within [0, ${slots}) but found ${index}`);
  }
  if (size > largest) {
    throw new RangeError(`Expected at most ${largest} numbers to sum but found ${size}`);
  }
  const kernel = withRowThreads(reduceSumKernel, pass.adapter, size);
  const params = { size, slots, index, accumulate: accumulate ? 1 : 0 };
  pass.dispatch(kernel, params, { x: reshape(x, [size]), into: ring });
};

/** Σ x in f64. */
export const sumReference = (x: ArrayLike<number>): number =>
  Array.from(x).reduce((sum, value) => sum + value, 0);
