/** The gated feed-forward block: x + down(silu(gate(n)) · up(n)), where n = rmsNorm(x). @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { residualAdd } from "../ops/residual_add.ts";
import { rmsNorm, rmsNormBackward } from "../ops/rms_norm.ts";
import { swiglu, swigluBackward } from "../ops/swiglu.ts";
import {
  type Linear,
  linearBackward,
  linearForward,
  type SavedLinear,
  type TrainingMode,
} from "./lora_linear.ts";
import type { Parameter } from "./parameters.ts";

/** Weights of the block. */
export interface FeedForward {
  readonly gain: Parameter;
  readonly eps: number;
  /** `[2 · intermediate, hidden]`, gate rows first. */
  readonly gateUp: Linear;
  /** `[hidden, intermediate]`. */
  readonly down: Linear;
}

/** What the backward reads again. */
export interface SavedFeedForward {
  /** Residual stream before the block `[rows, hidden]`. */
  readonly x: Tensor;
  readonly rstd: Tensor;
  readonly gateUp: SavedLinear;
  /** `[rows, 2 · intermediate]`. */
  readonly gated: Tensor;
  readonly down: SavedLinear;
}

/** `x [rows, hidden]` → the residual stream after the block. */
export const feedForwardForward = (
  pass: Pass,
  block: FeedForward,
  x: Tensor,
  mode?: TrainingMode,
): { readonly y: Tensor; readonly saved: SavedFeedForward } => {
  const { y: normed, rstd } = rmsNorm(pass, x, block.gain.value, block.eps);
  const gateUp = linearForward(pass, block.gateUp, normed, mode);
  const activated = swiglu(pass, gateUp.y);
  const down = linearForward(pass, block.down, activated, mode);
  const y = residualAdd(pass, x, down.y);
  pass.release(down.y);
  return {
    y,
    saved: { x, rstd, gateUp: gateUp.saved, gated: gateUp.y, down: down.saved },
  };
};

/** Adds the block's part to `dStream [rows, hidden]`, and releases what was saved. */
export const feedForwardBackward = (
  pass: Pass,
  block: FeedForward,
  saved: SavedFeedForward,
  dStream: Tensor,
  mode?: TrainingMode,
): void => {
  const dActivated = linearBackward(pass, block.down, saved.down, dStream, mode);
  const dGated = swigluBackward(pass, saved.gated, dActivated);
  pass.release(dActivated);
  const dNormed = linearBackward(pass, block.gateUp, saved.gateUp, dGated, mode);
  pass.release(dGated);
  rmsNormBackward(
    pass,
    { x: saved.x, gain: block.gain.value, rstd: saved.rstd, dY: dNormed },
    { dX: dStream, ...(block.gain.gradient ? { dGain: block.gain.gradient } : {}) },
  );
  pass.release(dNormed);
  releaseFeedForward(pass, saved);
};

/** Gives the saved tensors back; `x` too, for it was made by the attention block of the layer. */
export const releaseFeedForward = (pass: Pass, saved: SavedFeedForward): void => {
  pass.release(saved.x, saved.rstd, saved.gated, saved.gateUp.x, saved.down.x);
  for (const { down } of [saved.gateUp, saved.down]) if (down) pass.release(down);
};
