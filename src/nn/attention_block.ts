/** The attention block: x + norm(output(attend(heads(qkv(n))))), where n = rmsNorm(x). @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { headNorm, headNormBackward } from "../ops/head_norm.ts";
import type { HeadDims } from "../ops/head_dims.ts";
import type { Attend, RaggedAttention } from "./attend.ts";
import { type BlockOutput, joinBackward, joinForward, type SavedOutput } from "./joined_output.ts";
import { linearBackward, linearParametersBackward } from "./lora_backward.ts";
import {
  type Linear,
  linearForward,
  releaseAdapted,
  releaseLinear,
  type SavedLinear,
  type TrainingMode,
} from "./lora_linear.ts";
import { type Norm, normBackward, normForward, type SavedNorm } from "./norm.ts";
import type { Parameter } from "./parameters.ts";

/** Weights of the block. */
export interface AttentionBlock {
  readonly norm: Norm;
  /** `[(heads + 2 · kvHeads) · headDim, hidden]`: queries, keys, values. */
  readonly qkv: Linear;
  /** Norms of each query head and each key head, where the family has them; gains `[headDim]`. */
  readonly heads?: HeadNorms;
  /** `[hidden, heads · headDim]`. */
  readonly output: Linear;
  /** Norm of what is added to the residual stream, where the family has it. */
  readonly outputNorm?: Norm;
}

/** Gains `[headDim]` of the norms of query and key heads. */
export interface HeadNorms {
  readonly query: Parameter;
  readonly key: Parameter;
  readonly eps: number;
  readonly dims: HeadDims;
}

/** What the backward reads again. */
export interface SavedAttention {
  /** Of the block's input, the residual stream. */
  readonly norm: SavedNorm;
  readonly qkv: SavedLinear;
  /** Queries, keys and values before the norms of heads `[rows, cols]`, and 1 / rms of each head. */
  readonly heads?: { readonly qkv: Tensor; readonly rstd: Tensor };
  /** Queries, keys and values as they attend. */
  readonly rotated: Tensor;
  readonly attended: Tensor;
  readonly logSumExp?: Tensor;
  readonly output: SavedOutput;
}

/** How a backward runs. */
export interface BackwardOptions {
  /** Turns dropout on. */
  readonly mode?: TrainingMode;
  /** Whether anything is trained that the input comes from; true unless told. */
  readonly trainsInput?: boolean;
}

/** `x [rows, hidden]` → the residual stream after the block. */
export const attentionBlockForward = (
  pass: Pass,
  block: AttentionBlock,
  x: Tensor,
  attend: Attend,
  mode?: TrainingMode,
): { readonly y: Tensor; readonly saved: SavedAttention } => {
  const { y: normed, saved: norm } = normForward(pass, block.norm, x);
  const qkv = linearForward(pass, block.qkv, normed, { mode });
  const heads = block.heads &&
    headNorm(pass, qkv.y, gainsOf(block.heads), block.heads.dims, block.heads.eps);
  const rotated = heads ? heads.y : qkv.y;
  const { y: attended, logSumExp } = attend(pass, rotated);
  const { y, saved: output } = joinForward(pass, outputOf(block), attended, x, mode);
  return {
    y,
    saved: {
      norm,
      qkv: qkv.saved,
      ...heads ? { heads: { qkv: qkv.y, rstd: heads.rstd } } : {},
      rotated,
      attended,
      ...logSumExp ? { logSumExp } : {},
      output,
    },
  };
};

const outputOf = ({ output, outputNorm }: AttentionBlock): BlockOutput => ({
  linear: output,
  norm: outputNorm,
});

const gainsOf = ({ query, key }: HeadNorms) => ({ query: query.value, key: key.value });

/**
 * Adds the block's part to `dStream [rows, hidden]`, and releases what was saved. Where nothing before the
 * block is trained (`trainsInput` is false) `dStream` need not be whole afterwards.
 */
export const attentionBlockBackward = (
  pass: Pass,
  block: AttentionBlock,
  saved: SavedAttention,
  dStream: Tensor,
  attend: RaggedAttention,
  { mode, trainsInput = true }: BackwardOptions = {},
): void => {
  const dAttended = joinBackward(pass, outputOf(block), saved.output, dStream, mode);
  const dRotated = attend.backward(
    pass,
    { qkv: saved.rotated, y: saved.attended, logSumExp: saved.logSumExp! },
    dAttended,
  );
  pass.release(dAttended);
  if (block.heads && saved.heads) headsBackward(pass, block.heads, saved.heads, dRotated);
  if (trainsInput || block.norm.gain.gradient) {
    const dNormed = linearBackward(pass, block.qkv, saved.qkv, dRotated, mode);
    normBackward(pass, block.norm, saved.norm, dNormed, dStream);
    pass.release(dNormed);
  } else linearParametersBackward(pass, block.qkv, saved.qkv, dRotated, mode);
  pass.release(dRotated);
  releaseAttention(pass, saved);
};

// In place: the gradient of the normed heads becomes that of the heads.
const headsBackward = (
  pass: Pass,
  heads: HeadNorms,
  saved: NonNullable<SavedAttention["heads"]>,
  dY: Tensor,
): void => {
  const { query, key, dims } = heads;
  headNormBackward(pass, { ...saved, gains: gainsOf(heads), dY }, dims, {
    ...query.gradient ? { dQueryGain: query.gradient } : {},
    ...key.gradient ? { dKeyGain: key.gradient } : {},
  });
};

/** Gives the saved tensors back, except the layer's input, which belongs to the caller. */
export const releaseAttention = (pass: Pass, saved: SavedAttention): void => {
  pass.release(saved.norm.rstd, saved.rotated, saved.attended);
  if (saved.heads) pass.release(saved.heads.qkv, saved.heads.rstd);
  if (saved.logSumExp) pass.release(saved.logSumExp);
  if (saved.output.norm) pass.release(saved.output.norm.x, saved.output.norm.rstd);
  releaseLinear(pass, saved.qkv);
  // The input of the output linear is `attended`, given back above.
  releaseAdapted(pass, saved.output.linear);
};
