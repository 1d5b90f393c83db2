/** The attention block: x + output(attend(rotary(qkv(n)))), where n = rmsNorm(x). @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { attention, attentionBackward, type HeadDims } from "../ops/attention.ts";
import { residualAdd } from "../ops/residual_add.ts";
import { rmsNorm, rmsNormBackward } from "../ops/rms_norm.ts";
import { rotary } from "../ops/rotary.ts";
import {
  type Linear,
  linearBackward,
  linearForward,
  type SavedLinear,
  type TrainingMode,
} from "./lora_linear.ts";
import type { Parameter } from "./parameters.ts";

/** Weights of the block. */
export interface AttentionBlock {
  readonly gain: Parameter;
  readonly eps: number;
  /** `[(heads + 2 · kvHeads) · headDim, hidden]`: queries, keys, values. */
  readonly qkv: Linear;
  /** `[hidden, heads · headDim]`. */
  readonly output: Linear;
}

/** How rows attend to each other: the batch's business, not the block's. */
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

/** Causal attention within each sequence of `rows`, with rotary positions. */
export const raggedAttention = (
  { positions, starts, ends }: RowPlaces,
  rotations: Tensor,
  dims: HeadDims,
): RaggedAttention => ({
  forward: (pass, qkv) => {
    rotary(pass, qkv, rotations, positions, dims, 1);
    return attention(pass, qkv, starts, dims);
  },
  backward: (pass, saved, dY) => {
    const dQkv = attentionBackward(pass, { ...saved, starts, ends, dY }, dims);
    rotary(pass, dQkv, rotations, positions, dims, -1);
    return dQkv;
  },
});

/** What the backward reads again. */
export interface SavedAttention {
  /** Residual stream before the block `[rows, hidden]`. */
  readonly x: Tensor;
  readonly rstd: Tensor;
  readonly qkv: SavedLinear;
  /** Queries, keys and values after rotation. */
  readonly rotated: Tensor;
  readonly attended: Tensor;
  readonly logSumExp?: Tensor;
  readonly output: SavedLinear;
}

/** `x [rows, hidden]` → the residual stream after the block. */
export const attentionBlockForward = (
  pass: Pass,
  block: AttentionBlock,
  x: Tensor,
  attend: Attend,
  mode?: TrainingMode,
): { readonly y: Tensor; readonly saved: SavedAttention } => {
  const { y: normed, rstd } = rmsNorm(pass, x, block.gain.value, block.eps);
  const qkv = linearForward(pass, block.qkv, normed, mode);
  const { y: attended, logSumExp } = attend(pass, qkv.y);
  const output = linearForward(pass, block.output, attended, mode);
  const y = residualAdd(pass, x, output.y);
  pass.release(output.y);
  return {
    y,
    saved: {
      x,
      rstd,
      qkv: qkv.saved,
      rotated: qkv.y,
      attended,
      ...(logSumExp ? { logSumExp } : {}),
      output: output.saved,
    },
  };
};

/** Adds the block's part to `dStream [rows, hidden]`, and releases what was saved. */
export const attentionBlockBackward = (
  pass: Pass,
  block: AttentionBlock,
  saved: SavedAttention,
  dStream: Tensor,
  attend: RaggedAttention,
  mode?: TrainingMode,
): void => {
  const dAttended = linearBackward(pass, block.output, saved.output, dStream, mode);
  const dQkv = attend.backward(
    pass,
    { qkv: saved.rotated, y: saved.attended, logSumExp: saved.logSumExp! },
    dAttended,
  );
  pass.release(dAttended);
  const dNormed = linearBackward(pass, block.qkv, saved.qkv, dQkv, mode);
  pass.release(dQkv);
  rmsNormBackward(
    pass,
    { x: saved.x, gain: block.gain.value, rstd: saved.rstd, dY: dNormed },
    { dX: dStream, ...(block.gain.gradient ? { dGain: block.gain.gradient } : {}) },
  );
  pass.release(dNormed);
  releaseAttention(pass, saved);
};

/** Gives the saved tensors back, except `x`: the layer's input belongs to the caller. */
export const releaseAttention = (pass: Pass, saved: SavedAttention): void => {
  pass.release(saved.rstd, saved.rotated, saved.attended, saved.qkv.x);
  if (saved.logSumExp) pass.release(saved.logSumExp);
  for (const { down } of [saved.qkv, saved.output]) if (down) pass.release(down);
};
