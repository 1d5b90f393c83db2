/** Causal attention within the sequences of a packed batch, without a matrix of scores. @module */
import anySource from "../../kernels/attention.wgsl" with { type: "text" };
import subgroupSource from "../../kernels/attention_subgroup.wgsl" with { type: "text" };
import { expand } from "../gpu/expand.ts";
import type { AdapterFacts, Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { assertHeadDims, type HeadDims, qkvCols } from "./head_dims.ts";

export { attentionBackward, attentionBackwardReference } from "./attention_backward.ts";
export type { AttentionBackwardInputs } from "./attention_backward.ts";
export type { HeadDims } from "./head_dims.ts";

type AttentionParams = "rows" | keyof HeadDims | "scale";

/** Binding of `kernels/attention.wgsl` and `kernels/attention_subgroup.wgsl`. */
export type AttentionKernel = Kernel<"qkv" | "starts" | "y" | "logSumExp", AttentionParams>;

const bindings: AttentionKernel["bindings"] = {
  qkv: { access: "in", shape: (params) => [params.rows, qkvCols(params)] },
  starts: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
  y: { access: "out", shape: ({ rows, heads, headDim }) => [rows, heads * headDim] },
  logSumExp: { access: "out", shape: ({ rows, heads }) => [heads, rows] },
};

const params: AttentionKernel["params"] = {
  rows: "u32",
  heads: "u32",
  kvHeads: "u32",
  headDim: "u32",
  scale: "f32",
};

const kernels = new Map<string, AttentionKernel>();

/** The kernel for heads of `headDim`, expanded once for each `headDim` and kind of adapter. */
export const attentionKernel = (
  headDim: number,
  { subgroups, subgroupSize, software }: AdapterFacts,
): AttentionKernel => {
  const lanes = subgroups && subgroupSize >= 8 ? subgroupSize : 0;
  const key = `${headDim} ${lanes} ${software}`;
  const known = kernels.get(key);
  if (known) return known;
  const sizes = { HEAD_VECS: headDim / 4 };
  // A CPU keeps what overflows its registers in its nearest cache; a GPU does not.
  const queries = !software ? 1 : headDim <= 64 ? 4 : 2;
  const kernel: AttentionKernel = lanes > 0
    ? {
      name: "attention_subgroup",
      source: expand(subgroupSource, { ...sizes, LANES: lanes, QUERIES: queries }),
      params,
      bindings,
      workgroups: ({ rows, heads, kvHeads }) =>
        Math.ceil(rows * (heads / kvHeads) / (lanes * queries)) * kvHeads,
    }
    : {
      name: "attention",
      source: expand(anySource, sizes),
      params,
      bindings,
      workgroups: ({ rows, heads }) => Math.ceil(rows * heads / 64),
    };
  kernels.set(key, kernel);
  return kernel;
};

/**
 * `qkv [rows, (heads + 2 · kvHeads) · headDim]`, `starts` u32 `[rows]` → `y [rows, heads · headDim]`,
 * and the `logSumExp [heads, rows]` of its scores, which the backward needs.
 * Row i attends to the rows from `starts[i]` to i.
 */
export const attention = (
  pass: Pass,
  qkv: Tensor,
  starts: Tensor,
  dims: HeadDims,
  scale: number = 1 / Math.sqrt(dims.headDim),
): { readonly y: Tensor; readonly logSumExp: Tensor } => {
  assertHeadDims(dims);
  const [rows = 0] = qkv.shape;
  const y = pass.tensor([rows, dims.heads * dims.headDim]);
  const logSumExp = pass.tensor([dims.heads, rows]);
  const kernel = attentionKernel(dims.headDim, pass.adapter);
  pass.dispatch(kernel, { rows, ...dims, scale }, { qkv, starts, y, logSumExp });
  return { y, logSumExp };
};

/** The same formula in f64. */
export const attentionReference = (
  qkv: ArrayLike<number>,
  starts: ArrayLike<number>,
  dims: HeadDims,
  scale: number = 1 / Math.sqrt(dims.headDim),
): { readonly y: Float64Array; readonly logSumExp: Float64Array } => {
  const { heads, kvHeads, headDim } = dims;
  const rows = starts.length;
  const width = qkvCols(dims);
  const y = new Float64Array(rows * heads * headDim);
  const logSumExp = new Float64Array(heads * rows);
  for (let head = 0; head < heads; head++) {
    const keyAt = (heads + Math.floor(head / (heads / kvHeads))) * headDim;
    const valueAt = keyAt + kvHeads * headDim;
    for (let row = 0; row < rows; row++) {
      const scores: number[] = [];
      for (let key = starts[row]!; key <= row; key++) {
        let score = 0;
        for (let d = 0; d < headDim; d++) {
          score += qkv[row * width + head * headDim + d]! * qkv[key * width + keyAt + d]!;
        }
        scores.push(score * scale);
      }
      const top = Math.max(...scores);
      const sum = scores.reduce((total, score) => total + Math.exp(score - top), 0);
      logSumExp[head * rows + row] = top + Math.log(sum);
      for (const [index, score] of scores.entries()) {
        const p = Math.exp(score - top) / sum;
        const from = (starts[row]! + index) * width + valueAt;
        for (let d = 0; d < headDim; d++) {
          y[(row * heads + head) * headDim + d]! += p * qkv[from + d]!;
        }
      }
    }
  }
  return { y, logSumExp };
};
