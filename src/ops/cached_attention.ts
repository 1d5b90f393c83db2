/** Attention of one new token a sequence over the keys and values kept from earlier ones. @module */
import source from "../../kernels/cached_attention.wgsl" with { type: "text" };
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
import { assertWalk, isWide, wideColumns } from "./wide_heads.ts";

/** Binding of `kernels/cached_attention.wgsl` and its `_wide` twin. */
export type CachedAttentionKernel = Kernel<
  "qkv" | "keys" | "values" | "lengths" | "y",
  "batch" | "maxLength" | keyof RuleParams
>;

const bindings: CachedAttentionKernel["bindings"] = {
  qkv: { access: "in", shape: ({ batch, ...dims }) => [batch, qkvCols(dims)] },
  keys: {
    access: "in",
    shape: ({ batch, maxLength, kvHeads, headDim }) => [batch, maxLength, kvHeads * headDim],
  },
  values: {
    access: "in",
    shape: ({ batch, maxLength, kvHeads, headDim }) => [batch, maxLength, kvHeads * headDim],
  },
  lengths: { access: "in", dtype: "u32", shape: ({ batch }) => [batch] },
  y: { access: "out", shape: ({ batch, heads, headDim }) => [batch, heads * headDim] },
};

const kernels = new Map<string, CachedAttentionKernel>();

/** The kernel that follows `rule`, expanded once for each size of head and group and kind of adapter. */
export const cachedAttentionKernel = (
  { heads, kvHeads, headDim, softCap }: AttentionRule,
  { software, limits }: Pick<AdapterFacts, "software" | "limits">,
): CachedAttentionKernel => {
  const group = heads / kvHeads;
  const constants = { CAPPED: softCap === undefined ? 0 : 1 };
  const key = `${group} ${headDim} ${software} ${constants.CAPPED}`;
  const known = kernels.get(key);
  if (known) return known;
  // The means of all threads meet in workgroup memory, of which WebGPU promises 16 KiB.
  const fitting = Math.floor(limits.maxComputeWorkgroupStorageSize / (4 * headDim + 8));
  const lanes = software ? 8 : Math.min(32, fitting);
  const sizes = { HEAD_VECS: headDim / 4, LANES: lanes, GROUP: group };
  const wide = { ...wideColumns(headDim, { software }), GROUP: group };
  const kernel: CachedAttentionKernel = {
    ...isWide(headDim, 0)
      ? { name: "cached_attention_wide", source: expand(wideSource, wide) }
      : { name: "cached_attention", source: expand(source, sizes) },
    params: {
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
    workgroups: ({ batch, kvHeads }) => batch * kvHeads,
  };
  kernels.set(key, kernel);
  return kernel;
};

/**
 * `qkv [batch, (heads + 2 · kvHeads) · headDim]`, `keys` and `values`
 * `[batch, maxLength, kvHeads · headDim]`, `lengths` u32 `[batch]` → `y [batch, heads · headDim]`.
 * The first `lengths[i]` entries of sequence i count, its newest among them, the last `window` of
 * those; 0 gives zeros.
 */
export const cachedAttention = (
  pass: Pass,
  qkv: Tensor,
  keys: Tensor,
  values: Tensor,
  lengths: Tensor,
  rule: AttentionRule,
): Tensor => {
  const [batch = 0, maxLength = 0] = keys.shape;
  const sizes = { batch, maxLength, ...ruleParams(rule) };
  if (isWide(rule.headDim, 0)) {
    assertWalk(Math.min(maxLength, sizes.window), rule.headDim, pass.adapter);
  }
  const y = pass.tensor([batch, rule.heads * rule.headDim]);
  const kernel = cachedAttentionKernel(rule, pass.adapter);
  pass.dispatch(kernel, sizes, { qkv, keys, values, lengths, y });
  return y;
};

/** The same formula in f64. */
export const cachedAttentionReference = (
  qkv: ArrayLike<number>,
  keys: ArrayLike<number>,
  values: ArrayLike<number>,
  lengths: ArrayLike<number>,
  rule: AttentionRule,
): Float64Array => {
  const { heads, kvHeads, headDim, window = Infinity } = rule;
  const batch = lengths.length;
  const maxLength = keys.length / (batch * kvHeads * headDim);
  const y = new Float64Array(batch * heads * headDim);
  for (let sequence = 0; sequence < batch; sequence++) {
    for (let head = 0; head < heads; head++) {
      const query = sequence * qkvCols(rule) + head * headDim;
      const kvHead = Math.floor(head / (heads / kvHeads));
      const seen = Math.min(lengths[sequence]!, window);
      const first = lengths[sequence]! - seen;
      const entry = (index: number): number =>
        ((sequence * maxLength + first + index) * kvHeads + kvHead) * headDim;
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
          y[(sequence * heads + head) * headDim + d]! += p * values[entry(index) + d]!;
        }
      }
    }
  }
  return y;
};
