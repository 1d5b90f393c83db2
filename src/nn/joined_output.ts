/** How a block joins the residual stream: stream + norm(x·Wᵀ), the norm where the family has it. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { residualAdd } from "../ops/residual_add.ts";
import { linearBackward } from "./lora_backward.ts";
import {
  type Linear,
  linearForward,
  type RemadeLinear,
  type SavedLinear,
  type TrainingMode,
} from "./lora_linear.ts";
import { type Norm, normForward, normGradient, type SavedNorm } from "./norm.ts";

/** The last linear of a block, and the norm of what it gives. */
export interface BlockOutput {
  readonly linear: Linear;
  readonly norm?: Norm | undefined;
}

/** What the backward reads again. */
export interface SavedOutput<L = SavedLinear> {
  readonly linear: L;
  readonly norm?: SavedNorm;
}

/** `x [rows, in]`, `stream [rows, hidden]` → the stream that the block's output has joined, a new tensor. */
export const joinForward = (
  pass: Pass,
  { linear, norm }: BlockOutput,
  x: Tensor,
  stream: Tensor,
  mode?: TrainingMode,
): { readonly y: Tensor; readonly saved: SavedOutput } => {
  if (!norm) {
    const { y, saved } = linearForward(pass, linear, x, { mode, residual: stream });
    return { y, saved: { linear: saved } };
  }
  const output = linearForward(pass, linear, x, { mode });
  const normed = normForward(pass, norm, output.y);
  const y = residualAdd(pass, stream, normed.y);
  pass.release(normed.y);
  return { y, saved: { linear: output.saved, norm: normed.saved } };
};

/** The gradient of the stream → that of `x`, which `saved` has or makes; adds to those of the weights. */
export const joinBackward = (
  pass: Pass,
  { linear, norm }: BlockOutput,
  saved: SavedOutput<SavedLinear | RemadeLinear>,
  dStream: Tensor,
  mode?: TrainingMode,
): Tensor => {
  const dOutput = norm && saved.norm ? normGradient(pass, norm, saved.norm, dStream) : dStream;
  const dX = linearBackward(pass, linear, saved.linear, dOutput, mode);
  if (dOutput !== dStream) pass.release(dOutput);
  return dX;
};
