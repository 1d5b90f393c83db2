/** How rows attend to each other: the batch's business and the layer's rule, not the weights'. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { attention, attentionBackward } from "../ops/attention.ts";
import type { AttentionRule } from "../ops/head_dims.ts";
import { rotary } from "../ops/rotary.ts";

/** Queries, keys and values of some rows → what they attend to. May rotate `qkv` in place. */
export type Attend = (
  pass: Pass,
  qkv: Tensor,
) => { readonly y: Tensor; readonly logSumExp?: Tensor };

/** Attention within the sequences of a packed batch, and back. */
export interface RaggedAttention {
  readonly forward: Attend;
  /** Gradient of the un-rotated qkv. */
  readonly backward: (
    pass: Pass,
    saved: { readonly qkv: Tensor; readonly y: Tensor; readonly logSumExp: Tensor },
    dY: Tensor,
  ) => Tensor;
}

/** Where each row of a packed batch stands; all u32 `[rows]`. */
export interface RowPlaces {
  readonly positions: Tensor;
  readonly starts: Tensor;
  readonly ends: Tensor;
}

/** How one layer attends: heads, window, scale, and the turns by position. */
export interface LayerAttention {
  readonly rule: AttentionRule;
  /** Cosines and sines by position `[positions, 2 · pairs]`; absent where no positions count. */
  readonly rotations?: Tensor;
}

/** Causal attention within each sequence of `rows`. */
export const raggedAttention = (
  { positions, starts, ends }: RowPlaces,
  { rule, rotations }: LayerAttention,
): RaggedAttention => ({
  forward: (pass, qkv) => {
    if (rotations) rotary(pass, qkv, rotations, positions, rule, 1);
    return attention(pass, qkv, starts, rule);
  },
  backward: (pass, saved, dY) => {
    const dQkv = attentionBackward(pass, { ...saved, starts, ends, dY }, rule);
    if (rotations) rotary(pass, dQkv, rotations, positions, rule, -1);
    return dQkv;
  },
});
