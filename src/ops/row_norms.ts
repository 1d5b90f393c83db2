/** Euclidean lengths of a matrix's rows, and rows scaled to other lengths: the norms of DoRA. @module */
import source from "../../kernels/row_norms.wgsl" with { type: "text" };
import scaleSource from "../../kernels/row_scale.wgsl" with { type: "text" };
import { type Pass, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { flat, type Matrix, matrixOf } from "./matrix.ts";
import { withRowThreads } from "./row_threads.ts";

type Window = "rows" | "cols" | "size" | "offset" | "stride";

const window: Readonly<Record<Window, "u32">> = {
  rows: "u32",
  cols: "u32",
  size: "u32",
  offset: "u32",
  stride: "u32",
};

/** Binding of `kernels/row_norms.wgsl`. */
export const rowNormsKernel: Kernel<"w" | "delta" | "norms", Window> = {
  name: "row_norms",
  source,
  params: window,
  bindings: {
    w: { access: "in", shape: ({ size }) => [size] },
    delta: { access: "in", shape: ({ rows, cols }) => [rows, cols] },
    norms: { access: "out", shape: ({ rows }) => [rows] },
  },
  workgroups: ({ rows }) => rows,
};

/** Binding of `kernels/row_scale.wgsl`. */
export const rowScaleKernel: Kernel<"w" | "lengths" | "norms", Window> = {
  name: "row_scale",
  source: scaleSource,
  params: window,
  bindings: {
    w: { access: "inout", shape: ({ size }) => [size] },
    lengths: { access: "in", shape: ({ rows }) => [rows] },
    norms: { access: "in", shape: ({ rows }) => [rows] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
};

const paramsOf = ({ tensor, rows, cols, offset, stride }: Matrix) => ({
  ...{ rows, cols, size: sizeOf(tensor.shape), offset, stride },
});

/** The lengths `[rows]` of the rows of w + delta, both `[rows, cols]`. */
export const rowNorms = (pass: Pass, w: Tensor | Matrix, delta: Tensor): Tensor => {
  const matrix = matrixOf(w);
  const tensors = { w: flat(matrix), delta, norms: pass.tensor([matrix.rows]) };
  const kernel = withRowThreads(rowNormsKernel, pass.adapter, matrix.cols);
  pass.dispatch(kernel, paramsOf(matrix), tensors);
  return tensors.norms;
};

/** Scales the rows of `w [rows, cols]`, which have the lengths `norms [rows]`, to `lengths`, in place. */
export const rowScale = (
  pass: Pass,
  w: Tensor | Matrix,
  { lengths, norms }: { readonly lengths: Tensor; readonly norms: Tensor },
): void => {
  const matrix = matrixOf(w);
  const tensors = { w: flat(matrix), lengths, norms };
  pass.dispatch(rowScaleKernel, paramsOf(matrix), tensors);
};

/** The lengths in f64; `cols` is the width of both. */
export const rowNormsReference = (
  w: ArrayLike<number>,
  delta: ArrayLike<number>,
  cols: number,
): Float64Array => {
  const norms = new Float64Array(w.length / cols);
  for (let i = 0; i < w.length; i++) norms[Math.floor(i / cols)]! += (w[i]! + delta[i]!) ** 2;
  return norms.map(Math.sqrt);
};

/** The scaled rows in f64. */
export const rowScaleReference = (
  w: ArrayLike<number>,
  lengths: ArrayLike<number>,
  norms: ArrayLike<number>,
): Float64Array => {
  const cols = w.length / norms.length;
  return Float64Array.from(w, (value, i) => {
    const row = Math.floor(i / cols);
    return value * lengths[row]! / norms[row]!;
  });
};
