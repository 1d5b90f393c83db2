/** Attention of one new token a sequence over the keys and values kept from earlier ones. @module */
import source from "../../kernels/cached_attention.wgsl" with { type: "text" };
import rowsSource from "../../kernels/cached_attention_rows.wgsl" with { type: "text" };
import wideSource from "../../kernels/cached_attention_wide.wgsl" with { type: "text" };
import { expand } from "../gpu/expand.ts";
import type { AdapterFacts, Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import {
  type AttentionRule,
  qkvCols,
  ruledScore,
  type RuleParams,
  ruleParams,
} from "./head_dims.ts";
import { assertWalk, isWide, mostTurns, wideColumns } from "./wide_heads.ts";

/** Binding of `kernels/cached_attention.wgsl` and its twins `_rows` and `_wide`. */
export type CachedAttentionKernel = Kernel<
  "qkv" | "keys" | "values" | "sequences" | "lengths" | "y",
  "rows" | "batch" | "maxLength" | keyof RuleParams
>;

const bindings: CachedAttentionKernel["bindings"] = {
  qkv: { access: "in", shape: ({ rows, ...dims }) => [rows, qkvCols(dims)] },
  keys: {
    access: "in",
    shape: ({ batch, maxLength, kvHeads, headDim }) => [batch, maxLength, kvHeads * headDim],
  },
  values: {
    access: "in",
    shape: ({ batch, maxLength, kvHeads, headDim }) => [batch, maxLength, kvHeads * headDim],
  },
  sequences: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
  lengths: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
  y: { access: "out", shape: ({ rows, heads, headDim }) => [rows, heads * headDim] },
};

const kernels = new Map<string, CachedAttentionKernel>();

const aRowEach = ({ rows, kvHeads }: Readonly<Record<"rows" | "kvHeads", number>>): number =>
  rows * kvHeads;

/**
 * The kernel that follows `rule` on caches of `maxLength` entries, expanded once for each size of head
 * and group and kind of adapter. The number of rows has no say: what a row gets may not depend on those
 * beside it, not by a bit.
 */
export const cachedAttentionKernel = (
  { heads, kvHeads, headDim, softCap }: AttentionRule,
  { software, limits }: Pick<AdapterFacts, "software" | "limits">,
  maxLength: number,
): CachedAttentionKernel => {
  const group = heads / kvHeads;
  const constants = { CAPPED: softCap === undefined ? 0 : 1 };
  const byRows = software && maxLength <= mostTurns;
  const key = `${group} ${headDim} ${software} ${constants.CAPPED} ${byRows}`;
  const known = kernels.get(key);
  if (known) return known;
  // The means of all threads meet in workgroup memory, of which WebGPU promises 16 KiB.
  const fitting = Math.floor(limits.maxComputeWorkgroupStorageSize / (4 * headDim + 8));
  const lanes = software ? 8 : Math.min(32, fitting);
  const sizes = { HEAD_VECS: headDim / 4, LANES: lanes, GROUP: group };
  const wide = { ...wideColumns(headDim, { software }), GROUP: group };
  const kernel: CachedAttentionKernel = {
    ...isWide(headDim, 0)
      ? { name: "cached_attention_wide", source: expand(wideSource, wide), workgroups: aRowEach }
      : byRows
      ? {
        name: "cached_attention_rows",
        source: expand(rowsSource, sizes),
        workgroups: (params) => Math.ceil(aRowEach(params) / lanes),
      }
      : { name: "cached_attention", source: expand(source, sizes), workgroups: aRowEach },
    params: {
      rows: "u32",
      batch: "u32",
      heads: "u32",
      kvHeads: "u32",
      headDim: "u32",
      maxLength: "u32",
      scale: "f32",
      softCap: "f32",
      window: "u32",
    },
    bindings,
    constants,
  };
  kernels.set(key, kernel);
  return kernel;
};

/** Keys and values of earlier tokens, and which of them each row sees. */
export interface AttentionCache {
  /** `[batch, maxLength, kvHeads · headDim]`. */
  readonly keys: Tensor;
  /** `[batch, maxLength, kvHeads · headDim]`. */
  readonly values: Tensor;
  /** The sequence of each row, u32 `[rows]`. */
  readonly sequences: Tensor;
  /** How many of its entries count, u32 `[rows]`. */
  readonly lengths: Tensor;
}

/**
 * `qkv [rows, (heads + 2 · kvHeads) · headDim]` → `y [rows, heads · headDim]`, into `y` where given. Of
 * the row's sequence the first `lengths` entries count, its newest among them, the last `window` of
 * those; 0 gives zeros.
 */
export const cachedAttention = (
  pass: Pass,
  qkv: Tensor,
  cache: AttentionCache,
  rule: AttentionRule,
  y: Tensor = pass.tensor([qkv.shape[0]!, rule.heads * rule.headDim]),
): Tensor => {
  const [rows = 0] = qkv.shape;
  const [batch = 0, maxLength = 0] = cache.keys.shape;
  const sizes = { rows, batch, maxLength, ...ruleParams(rule) };
  if (isWide(rule.headDim, 0)) {
    assertWalk(Math.min(maxLength, sizes.window), rule.headDim, pass.adapter);
  }
  const kernel = cachedAttentionKernel(rule, pass.adapter, maxLength);
  pass.dispatch(kernel, sizes, { qkv, ...cache, y });
  return y;
};

/** The same formula in f64; `keys` and `values` have `maxLength` entries a sequence. */
export const cachedAttentionReference = (
  qkv: ArrayLike<number>,
  { keys, values, maxLength, sequences, lengths }: {
    readonly keys: ArrayLike<number>;
    readonly values: ArrayLike<number>;
    readonly maxLength: number;
    readonly sequences: ArrayLike<number>;
    readonly lengths: ArrayLike<number>;
  },
  rule: AttentionRule,
): Float64Array => {
  const { heads, kvHeads, headDim, window = Infinity } = rule;
  const rows = lengths.length;
  const y = new Float64Array(rows * heads * headDim);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const query = row * qkvCols(rule) + head * headDim;
      const kvHead = Math.floor(head / (heads / kvHeads));
      const seen = Math.min(lengths[row]!, window);
      const first = lengths[row]! - seen;
      const entry = (index: number): number =>
        ((sequences[row]! * maxLength + first + index) * kvHeads + kvHead) * headDim;
      const scores = Array.from({ length: seen }, (_, index) => {
        let product = 0;
        for (let d = 0; d < headDim; d++) product += qkv[query + d]! * keys[entry(index) + d]!;
        return ruledScore(product, rule).score;
      });
      const top = Math.max(...scores);
      const sum = scores.reduce((total, score) => total + Math.exp(score - top), 0);
      for (const [index, score] of scores.entries()) {
        const p = Math.exp(score - top) / sum;
        for (let d = 0; d < headDim; d++) {
          y[(row * heads + head) * headDim + d]! += p * values[entry(index) + d]!;
        }
      }
    }
  }
  return y;
};
