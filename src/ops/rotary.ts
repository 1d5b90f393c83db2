/** Rotary positions: queries and keys turned by their position (RoFormer, arXiv 2104.09864). @module */
import source from "../../kernels/rotary.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { HeadDims } from "./head_dims.ts";

/** Binding of `kernels/rotary.wgsl`. */
export const rotaryKernel: Kernel<
  "rotations" | "positions" | "qkv",
  "rows" | "turned" | "headDim" | "stride" | "maxPositions" | "sign"
> = {
  name: "rotary",
  source,
  params: {
    rows: "u32",
    turned: "u32",
    headDim: "u32",
    stride: "u32",
    maxPositions: "u32",
    sign: "f32",
  },
  bindings: {
    rotations: {
      access: "in",
      shape: ({ maxPositions, headDim }) => [maxPositions, headDim],
    },
    positions: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    qkv: { access: "inout", shape: ({ rows, stride }) => [rows, stride] },
  },
  workgroups: ({ rows, turned, headDim }) => Math.ceil(rows * turned * headDim / 2 / 64),
};

/**
 * Turns the query and key heads of `qkv [rows, (heads + 2·kvHeads)·headDim]` in place by the angles
 * in `rotations [maxPositions, headDim]` (cosines, then sines) at u32 `positions [rows]`. Direction
 * −1 turns back: it takes the gradient of the turned qkv to that of the unturned.
 */
export const rotary = (
  pass: Pass,
  qkv: Tensor,
  rotations: Tensor,
  positions: Tensor,
  { heads, kvHeads, headDim }: HeadDims,
  direction: 1 | -1,
): void => {
  const [rows = 0] = qkv.shape;
  const [maxPositions = 0] = rotations.shape;
  pass.dispatch(
    rotaryKernel,
    {
      rows,
      turned: heads + kvHeads,
      headDim,
      stride: (heads + 2 * kvHeads) * headDim,
      maxPositions,
      sign: direction,
    },
    { rotations, positions, qkv },
  );
};

/** The same in f64, on a copy. */
export const rotaryReference = (
  qkv: ArrayLike<number>,
  rotations: ArrayLike<number>,
  positions: ArrayLike<number>,
  { heads, kvHeads, headDim }: HeadDims,
  direction: 1 | -1,
): Float64Array => {
  const turned = Float64Array.from(qkv);
  const stride = (heads + 2 * kvHeads) * headDim;
  const half = headDim / 2;
  for (let row = 0; row < positions.length; row++) {
    for (let head = 0; head < heads + kvHeads; head++) {
      for (let i = 0; i < half; i++) {
        const at = row * stride + head * headDim + i;
        const cosine = rotations[positions[row]! * headDim + i]!;
        const sine = direction * rotations[positions[row]! * headDim + half + i]!;
        turned[at] = qkv[at]! * cosine - qkv[at + half]! * sine;
        turned[at + half] = qkv[at + half]! * cosine + qkv[at]! * sine;
      }
    }
  }
  return turned;
};
