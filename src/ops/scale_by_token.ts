/** Scales the rows of a batch, each by the weight of its token. @module */
import source from "../../kernels/scale_by_token.wgsl" with { type: "text" };
import { type Pass, reshape, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/scale_by_token.wgsl`. */
export const scaleByTokenKernel: Kernel<"x" | "weights", "rows" | "cols" | "firstRow" | "allRows"> =
  {
    name: "scale_by_token",
    source,
    params: { rows: "u32", cols: "u32", firstRow: "u32", allRows: "u32" },
    bindings: {
      x: { access: "inout", shape: ({ rows, cols }) => [rows, cols] },
      weights: { access: "in", shape: ({ allRows }) => [allRows] },
    },
    workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
  };

/**
 * Scales `x [rows]` or `[rows, cols]`, the rows of a batch from `firstRow` on, in place by
 * `weights [all rows]`.
 */
export const scaleByToken = (
  pass: Pass,
  x: Tensor,
  weights: Tensor,
  firstRow = 0,
): void => {
  const [rows = 0] = x.shape;
  const cols = rows === 0 ? 0 : sizeOf(x.shape) / rows;
  const params = { rows, cols, firstRow, allRows: sizeOf(weights.shape) };
  pass.dispatch(scaleByTokenKernel, params, { x: reshape(x, [rows, cols]), weights });
};

/** The scaled rows in f64; `x` has `rows` of them. */
export const scaleByTokenReference = (
  x: ArrayLike<number>,
  rows: number,
  weights: ArrayLike<number>,
  firstRow = 0,
): Float64Array => {
  const cols = x.length / rows;
  return Float64Array.from(x, (value, i) => value * weights[firstRow + Math.floor(i / cols)]!);
};
