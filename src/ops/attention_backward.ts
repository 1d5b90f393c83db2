/** The backward of attention: computes the scores again, tile by tile, from their log-sum-exp. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { attentionBackwardKernels } from "./attention_backward_kernels.ts";
import { type AttentionRule, firstSeen, qkvCols, ruledScore, ruleParams } from "./head_dims.ts";
import { assertWalk, isWide, subgroupLanes } from "./wide_heads.ts";

/** What {@linkcode attentionBackward} reads: attention's inputs and outputs, and the gradient of `y`. */
export interface AttentionBackwardInputs {
  /** `[rows, (heads + 2 · kvHeads) · headDim]`. */
  readonly qkv: Tensor;
  /** u32 `[rows]`: the row where each row's sequence starts. */
  readonly starts: Tensor;
  /** u32 `[rows]`: one past the last row of each row's sequence. */
  readonly ends: Tensor;
  /** `[rows, heads · headDim]`. */
  readonly y: Tensor;
  /** `[heads, rows]`. */
  readonly logSumExp: Tensor;
  /** `[rows, heads · headDim]`. */
  readonly dY: Tensor;
}

/** Gradient of `qkv`, in its shape. */
export const attentionBackward = (
  pass: Pass,
  { qkv, starts, ends, y, logSumExp, dY }: AttentionBackwardInputs,
  rule: AttentionRule,
): Tensor => {
  const [rows = 0] = qkv.shape;
  const sizes = { rows, ...ruleParams(rule) };
  if (isWide(rule.headDim, subgroupLanes(rule.headDim, pass.adapter))) {
    const slots = Math.min(rows, sizes.window + 16) * (rule.heads / rule.kvHeads);
    assertWalk(slots, rule.headDim, pass.adapter);
  }
  const dQkv = pass.tensor(qkv.shape);
  const centers = pass.tensor([rule.heads, rows]);
  const { query, key } = attentionBackwardKernels(rule, pass.adapter);
  pass.dispatch(query, sizes, { qkv, starts, y, logSumExp, dY, centers, dQkv });
  pass.dispatch(key, sizes, { qkv, ends, logSumExp, dY, centers, dQkv });
  pass.release(centers);
  return dQkv;
};

/** The same in f64, from `qkv` alone: every score is formed. */
export const attentionBackwardReference = (
  qkv: ArrayLike<number>,
  starts: ArrayLike<number>,
  dY: ArrayLike<number>,
  rule: AttentionRule,
): Float64Array => {
  const { heads, kvHeads, headDim } = rule;
  const width = qkvCols(rule);
  const dQkv = new Float64Array(qkv.length);
  const product = (
    [a, aAt]: readonly [ArrayLike<number>, number],
    [b, bAt]: readonly [ArrayLike<number>, number],
  ): number => {
    let sum = 0;
    for (let d = 0; d < headDim; d++) sum += a[aAt + d]! * b[bAt + d]!;
    return sum;
  };
  for (let head = 0; head < heads; head++) {
    const keyColumn = (heads + Math.floor(head / (heads / kvHeads))) * headDim;
    for (let row = 0; row < starts.length; row++) {
      const first = firstSeen(row, starts[row]!, rule);
      const queryAt = row * width + head * headDim;
      const gradientAt = (row * heads + head) * headDim;
      const keyAt = (index: number): number => (first + index) * width + keyColumn;
      const valueAt = (index: number): number => keyAt(index) + kvHeads * headDim;
      const scores = Array.from(
        { length: row - first + 1 },
        (_, index) => ruledScore(product([qkv, queryAt], [qkv, keyAt(index)]), rule),
      );
      const top = Math.max(...scores.map(({ score }) => score));
      const sum = scores.reduce((total, { score }) => total + Math.exp(score - top), 0);
      const p = scores.map(({ score }) => Math.exp(score - top) / sum);
      const dP = p.map((_, index) => product([dY, gradientAt], [qkv, valueAt(index)]));
      const center = p.reduce((total, share, index) => total + share * dP[index]!, 0);
      for (const [index, share] of p.entries()) {
        const dScore = scores[index]!.slope * share * (dP[index]! - center);
        for (let d = 0; d < headDim; d++) {
          dQkv[queryAt + d]! += dScore * qkv[keyAt(index) + d]!;
          dQkv[keyAt(index) + d]! += dScore * qkv[queryAt + d]!;
          dQkv[valueAt(index) + d]! += share * dY[gradientAt + d]!;
        }
      }
    }
  }
  return dQkv;
};
