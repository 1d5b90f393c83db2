/** Causal attention within the sequences of a packed batch, without a matrix of scores. @module */
import anySource from "../../kernels/attention.wgsl" with { type: "text" };
import subgroupSource from "../../kernels/attention_subgroup.wgsl" with { type: "text" };
import wideSource from "../../kernels/attention_wide.wgsl" with { type: "text" };
import { expand } from "../gpu/expand.ts";
import type { AdapterFacts, Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import {
  type AttentionParams,
  attentionParams as params,
  type AttentionRule,
  firstSeen,
  qkvCols,
  ruledScore,
  ruleParams,
} from "./head_dims.ts";
import { assertWalk, isWide, subgroupLanes, wideTile } from "./wide_heads.ts";

export { attentionBackward, attentionBackwardReference } from "./attention_backward.ts";
export type { AttentionBackwardInputs } from "./attention_backward.ts";
export type { AttentionRule, HeadDims } from "./head_dims.ts";

/** Binding of `kernels/attention.wgsl` and its `_subgroup` and `_wide` twins. */
export type AttentionKernel = Kernel<"qkv" | "starts" | "y" | "logSumExp", AttentionParams>;

const bindings: AttentionKernel["bindings"] = {
  qkv: { access: "in", shape: (params) => [params.rows, qkvCols(params)] },
  starts: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
  y: { access: "out", shape: ({ rows, heads, headDim }) => [rows, heads * headDim] },
  logSumExp: { access: "out", shape: ({ rows, heads }) => [heads, rows] },
};

const kernels = new Map<string, AttentionKernel>();

/** The kernel that follows `rule`, expanded once for each `headDim` and kind of adapter. */
export const attentionKernel = (
  { headDim, softCap }: AttentionRule,
  adapter: AdapterFacts,
): AttentionKernel => {
  const { software } = adapter;
  const lanes = subgroupLanes(headDim, adapter);
  const constants = { CAPPED: softCap === undefined ? 0 : 1 };
  const key = `${headDim} ${lanes} ${software} ${constants.CAPPED}`;
  const known = kernels.get(key);
  if (known) return known;
  const kernel: AttentionKernel = {
    ...isWide(headDim, lanes)
      ? onTiles(headDim, software)
      : lanes > 0
      ? onSubgroups(headDim, lanes, software)
      : onAny(headDim),
    params,
    bindings,
    constants,
  };
  kernels.set(key, kernel);
  return kernel;
};

type Algorithm = Pick<AttentionKernel, "name" | "source" | "workgroups">;

const onTiles = (headDim: number, software: boolean): Algorithm => {
  const { sizes, tile } = wideTile(headDim, 1, { software });
  return {
    name: "attention_wide",
    source: expand(wideSource, sizes),
    workgroups: ({ rows, heads, kvHeads }) => Math.ceil(rows * (heads / kvHeads) / tile) * kvHeads,
  };
};

// A CPU keeps what overflows its registers in its nearest cache. The more slots a thread has, the fewer
// loads; short heads are those of short sequences, in which a high tile is half empty.
const slotsOfThread = (headDim: number, software: boolean): number =>
  software ? headDim > 32 ? 4 : 2 : 1;

const onSubgroups = (headDim: number, lanes: number, software: boolean): Algorithm => {
  const queries = slotsOfThread(headDim, software);
  return {
    name: "attention_subgroup",
    source: expand(subgroupSource, {
      HEAD_VECS: headDim / 4,
      HEAD_EIGHTS: headDim / 8,
      LANES: lanes,
      QUERIES: queries,
    }),
    workgroups: ({ rows, heads, kvHeads }) =>
      Math.ceil(rows * (heads / kvHeads) / (lanes * queries)) * kvHeads,
  };
};

const onAny = (headDim: number): Algorithm => ({
  name: "attention",
  source: expand(anySource, { HEAD_VECS: headDim / 4 }),
  workgroups: ({ rows, heads }) => Math.ceil(rows * heads / 64),
});

/**
 * `qkv [rows, (heads + 2 · kvHeads) · headDim]`, `starts` u32 `[rows]` → `y [rows, heads · headDim]`,
 * into `y` where given, and the `logSumExp [heads, rows]` of its scores, which the backward needs.
 * Row i attends to the rows from `starts[i]` to i, the last `window` of them.
 */
export const attention = (
  pass: Pass,
  qkv: Tensor,
  starts: Tensor,
  rule: AttentionRule,
  y: Tensor = pass.tensor([qkv.shape[0]!, rule.heads * rule.headDim]),
): { readonly y: Tensor; readonly logSumExp: Tensor } => {
  const [rows = 0] = qkv.shape;
  const sizes = { rows, ...ruleParams(rule) };
  if (isWide(rule.headDim, subgroupLanes(rule.headDim, pass.adapter))) {
    assertWalk(Math.min(rows, sizes.window + 16), rule.headDim, pass.adapter);
  }
  const logSumExp = pass.tensor([rule.heads, rows]);
  pass.dispatch(attentionKernel(rule, pass.adapter), sizes, { qkv, starts, y, logSumExp });
  return { y, logSumExp };
};

/** The same formula in f64. */
export const attentionReference = (
  qkv: ArrayLike<number>,
  starts: ArrayLike<number>,
  rule: AttentionRule,
): { readonly y: Float64Array; readonly logSumExp: Float64Array } => {
  const { heads, kvHeads, headDim } = rule;
  const rows = starts.length;
  const width = qkvCols(rule);
  const y = new Float64Array(rows * heads * headDim);
  const logSumExp = new Float64Array(heads * rows);
  for (let head = 0; head < heads; head++) {
    const keyAt = (heads + Math.floor(head / (heads / kvHeads))) * headDim;
    const valueAt = keyAt + kvHeads * headDim;
    for (let row = 0; row < rows; row++) {
      const scores: number[] = [];
      const first = firstSeen(row, starts[row]!, rule);
      for (let key = first; key <= row; key++) {
        let product = 0;
        for (let d = 0; d < headDim; d++) {
          product += qkv[row * width + head * headDim + d]! * qkv[key * width + keyAt + d]!;
        }
        scores.push(ruledScore(product, rule).score);
      }
      const top = Math.max(...scores);
      const sum = scores.reduce((total, score) => total + Math.exp(score - top), 0);
      logSumExp[head * rows + row] = top + Math.log(sum);
      for (const [index, score] of scores.entries()) {
        const p = Math.exp(score - top) / sum;
        const from = (first + index) * width + valueAt;
        for (let d = 0; d < headDim; d++) {
          y[(row * heads + head) * headDim + d]! += p * qkv[from + d]!;
        }
      }
    }
  }
  return { y, logSumExp };
};
