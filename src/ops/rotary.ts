/** Rotary positions: turns queries and keys by angles that grow with their position. @module */
import source from "../../kernels/rotary.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { type HeadDims, qkvCols } from "./head_dims.ts";

/** Binding of `kernels/rotary.wgsl`. */
export const rotaryKernel: Kernel<
  "qkv" | "rotations" | "positions",
  "rows" | keyof HeadDims | "maxPositions" | "direction"
> = {
  name: "rotary",
  source,
  params: {
    rows: "u32",
    heads: "u32",
    kvHeads: "u32",
    headDim: "u32",
    maxPositions: "u32",
    direction: "f32",
  },
  bindings: {
    qkv: { access: "inout", shape: (params) => [params.rows, qkvCols(params)] },
    rotations: { access: "in", shape: ({ maxPositions, headDim }) => [maxPositions, headDim] },
    positions: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
  },
  workgroups: ({ rows, headDim }) => Math.ceil(rows * (headDim / 2) / 64),
};

/**
 * Turns the query and key heads of `qkv [rows, (heads + 2 · kvHeads) · headDim]` in place.
 * `rotations [maxPositions, headDim]` holds a position's headDim/2 cosines, then its sines;
 * `positions` u32 `[rows]`. Direction −1 turns back, and turns the gradient in the backward.
 */
export const rotary = (
  pass: Pass,
  qkv: Tensor,
  rotations: Tensor,
  positions: Tensor,
  dims: HeadDims,
  direction: 1 | -1,
): void => {
  if (dims.headDim % 2 !== 0) {
    throw new RangeError(`Expected headDim to be even but found ${dims.headDim}`);
  }
  const [rows = 0] = qkv.shape;
  const [maxPositions = 0] = rotations.shape;
  const params = { rows, ...dims, maxPositions, direction };
  pass.dispatch(rotaryKernel, params, { qkv, rotations, positions });
};

/** The same formula in f64. */
export const rotaryReference = (
  qkv: ArrayLike<number>,
  rotations: ArrayLike<number>,
  positions: ArrayLike<number>,
  dims: HeadDims,
  direction: 1 | -1,
): Float64Array => {
  const { heads, kvHeads, headDim } = dims;
  const half = headDim / 2;
  const turned = Float64Array.from(qkv);
  for (let row = 0; row < positions.length; row++) {
    for (let head = 0; head < heads + kvHeads; head++) {
      for (let i = 0; i < half; i++) {
        const cosine = rotations[positions[row]! * headDim + i]!;
        const sine = rotations[positions[row]! * headDim + half + i]! * direction;
        const at = row * qkvCols(dims) + head * headDim + i;
        turned[at] = qkv[at]! * cosine - qkv[at + half]! * sine;
        turned[at + half] = qkv[at + half]! * cosine + qkv[at]! * sine;
      }
    }
  }
  return turned;
};
