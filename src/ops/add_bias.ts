/** Adds a linear's bias to its rows. @module */
import backwardSource from "../../kernels/add_bias_backward.wgsl" with { type: "text" };
import source from "../../kernels/add_bias.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { columnSumKernel } from "./rms_norm.ts";

/** Binding of `kernels/add_bias.wgsl`. */
export const addBiasKernel: Kernel<"y" | "bias", "rows" | "cols"> = {
  name: "add_bias",
  source,
  params: { rows: "u32", cols: "u32" },
  bindings: {
    y: { access: "inout", shape: ({ rows, cols }) => [rows, cols] },
    bias: { access: "in", shape: ({ cols }) => [cols] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
};

/** Binding of `kernels/add_bias_backward.wgsl`. */
export const addBiasBackwardKernel: Kernel<
  "dY" | "partial",
  "rows" | "cols" | "blocks" | "blockRows"
> = {
  name: "add_bias_backward",
  source: backwardSource,
  params: { rows: "u32", cols: "u32", blocks: "u32", blockRows: "u32" },
  bindings: {
    dY: { access: "in", shape: ({ rows, cols }) => [rows, cols] },
    partial: { access: "out", shape: ({ blocks, cols }) => [blocks, cols] },
  },
  workgroups: ({ cols, blocks }) => [Math.ceil(cols / 64), blocks, 1],
};

/** Adds `bias [cols]` to every row of `y [rows, cols]`, in place. */
export const addBias = (pass: Pass, y: Tensor, bias: Tensor): void => {
  const [rows = 0, cols = 0] = y.shape;
  pass.dispatch(addBiasKernel, { rows, cols }, { y, bias });
};

// About the square root of a long batch: neither sum of the two stages grows long.
const blockRows = 64;

/** Adds the column sums of `dY [rows, cols]` to `dBias [cols]`. The gradient of y is dY itself. */
export const addBiasBackward = (pass: Pass, dY: Tensor, dBias: Tensor): void => {
  const [rows = 0, cols = 0] = dY.shape;
  const blocks = Math.ceil(rows / blockRows);
  const partial = pass.tensor([blocks, cols]);
  pass.dispatch(addBiasBackwardKernel, { rows, cols, blocks, blockRows }, { dY, partial });
  pass.dispatch(columnSumKernel, { rows: blocks, cols }, { x: partial, into: dBias });
  pass.release(partial);
};

/** The forward's formula in f64. */
export const addBiasReference = (y: ArrayLike<number>, bias: ArrayLike<number>): Float64Array =>
  Float64Array.from(y, (value, i) => value + bias[i % bias.length]!);

/** The column sums of dY in f64: the part to be added; `cols` is the width of dY. */
export const addBiasBackwardReference = (dY: ArrayLike<number>, cols: number): Float64Array => {
  const dBias = new Float64Array(cols);
  for (let i = 0; i < dY.length; i++) dBias[i % cols]! += dY[i]!;
  return dBias;
};
