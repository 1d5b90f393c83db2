/** Scales columns by a trained length over a constant one: what DoRA does to a linear's outputs. @module */
import backwardSource from "../../kernels/column_scale_backward.wgsl" with { type: "text" };
import source from "../../kernels/column_scale.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { flat, type Matrix, matrixOf } from "./matrix.ts";
import { columnSumKernel } from "./rms_norm.ts";

/** Binding of `kernels/column_scale.wgsl`. */
export const columnScaleKernel: Kernel<
  "y" | "lengths" | "norms" | "z",
  "rows" | "cols" | "size" | "offset" | "stride"
> = {
  name: "column_scale",
  source,
  params: { rows: "u32", cols: "u32", size: "u32", offset: "u32", stride: "u32" },
  bindings: {
    y: { access: "inout", shape: ({ size }) => [size] },
    lengths: { access: "in", shape: ({ cols }) => [cols] },
    norms: { access: "in", shape: ({ cols }) => [cols] },
    z: { access: "out", shape: ({ rows, cols }) => [rows, cols] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
};

/** Binding of `kernels/column_scale_backward.wgsl`. */
export const columnScaleBackwardKernel: Kernel<
  "dY" | "z" | "lengths" | "norms" | "partial",
  "rows" | "cols" | "size" | "offset" | "stride" | "blocks" | "blockRows"
> = {
  name: "column_scale_backward",
  source: backwardSource,
  params: { ...columnScaleKernel.params, blocks: "u32", blockRows: "u32" },
  bindings: {
    dY: { access: "inout", shape: ({ size }) => [size] },
    z: { access: "in", shape: ({ rows, cols }) => [rows, cols] },
    lengths: { access: "in", shape: ({ cols }) => [cols] },
    norms: { access: "in", shape: ({ cols }) => [cols] },
    partial: { access: "out", shape: ({ blocks, cols }) => [blocks, cols] },
  },
  workgroups: ({ cols, blocks }) => [Math.ceil(cols / 64), blocks, 1],
};

/** What columns are scaled by: `lengths [cols]` over `norms [cols]`. */
export interface ColumnLengths {
  readonly lengths: Tensor;
  readonly norms: Tensor;
}

/**
 * Scales `y [rows, cols]`, or a window of columns, in place by lengths / norms. Returns what it was
 * before, `z [rows, cols]`, for the backward.
 */
export const columnScale = (
  pass: Pass,
  y: Tensor | Matrix,
  { lengths, norms }: ColumnLengths,
): Tensor => {
  const matrix = matrixOf(y);
  const { rows, cols, offset, stride } = matrix;
  const tensors = { y: flat(matrix), lengths, norms, z: pass.tensor([rows, cols]) };
  const size = tensors.y.shape[0] ?? 0;
  pass.dispatch(columnScaleKernel, { rows, cols, size, offset, stride }, tensors);
  return tensors.z;
};

// About the square root of a long batch: neither sum of the two stages grows long.
const blockRows = 64;

/**
 * Turns `dY [rows, cols]`, or a window of columns, into the gradient of z, in place; adds to
 * `dLengths [cols]` where they are trained. The norms are constants.
 */
export const columnScaleBackward = (
  pass: Pass,
  dY: Tensor | Matrix,
  { z, lengths, norms }: ColumnLengths & { readonly z: Tensor },
  dLengths?: Tensor,
): void => {
  const matrix = matrixOf(dY);
  const { rows, cols, offset, stride } = matrix;
  const blocks = Math.ceil(rows / blockRows);
  const tensors = { dY: flat(matrix), z, lengths, norms, partial: pass.tensor([blocks, cols]) };
  const size = tensors.dY.shape[0] ?? 0;
  const params = { rows, cols, size, offset, stride, blocks, blockRows };
  pass.dispatch(columnScaleBackwardKernel, params, tensors);
  const { partial } = tensors;
  if (dLengths) {
    pass.dispatch(columnSumKernel, { rows: blocks, cols }, { x: partial, into: dLengths });
  }
  pass.release(partial);
};

/** The forward's formula in f64. */
export const columnScaleReference = (
  z: ArrayLike<number>,
  lengths: ArrayLike<number>,
  norms: ArrayLike<number>,
): Float64Array =>
  Float64Array.from(
    z,
    (value, i) => value * lengths[i % lengths.length]! / norms[i % lengths.length]!,
  );

/** The backward's formulas in f64; `dLengths` is the part to be added. */
export const columnScaleBackwardReference = (
  z: ArrayLike<number>,
  lengths: ArrayLike<number>,
  norms: ArrayLike<number>,
  dY: ArrayLike<number>,
): { readonly dZ: Float64Array; readonly dLengths: Float64Array } => {
  const dLengths = new Float64Array(lengths.length);
  for (let i = 0; i < z.length; i++) {
    const c = i % lengths.length;
    dLengths[c]! += dY[i]! * z[i]! / norms[c]!;
  }
  return { dZ: columnScaleReference(dY, lengths, norms), dLengths };
};
