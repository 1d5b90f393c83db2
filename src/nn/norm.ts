/** An RMSNorm with its gain, as the blocks and the decoder use it: forward, and back with what was saved. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { fill } from "../ops/fill.ts";
import { rmsNorm, rmsNormBackward } from "../ops/rms_norm.ts";
import type { Parameter } from "./parameters.ts";

/** `gain [cols]`, and what is added to the mean square. */
export interface Norm {
  readonly gain: Parameter;
  readonly eps: number;
}

/** What the backward reads again: the input `[rows, cols]`, and 1 / rms of its rows. */
export interface SavedNorm {
  readonly x: Tensor;
  readonly rstd: Tensor;
}

/** `x [rows, cols]` → `y [rows, cols]`. */
export const normForward = (
  pass: Pass,
  { gain, eps }: Norm,
  x: Tensor,
): { readonly y: Tensor; readonly saved: SavedNorm } => {
  const { y, rstd } = rmsNorm(pass, x, gain.value, eps);
  return { y, saved: { x, rstd } };
};

/** Adds to `dX [rows, cols]`, and to the gain's gradient where it is trained. */
export const normBackward = (
  pass: Pass,
  { gain }: Norm,
  { x, rstd }: SavedNorm,
  dY: Tensor,
  dX: Tensor,
): void =>
  rmsNormBackward(
    pass,
    { x, gain: gain.value, rstd, dY },
    { dX, ...gain.gradient ? { dGain: gain.gradient } : {} },
  );

/** Like {@linkcode normBackward}, into a new tensor. */
export const normGradient = (pass: Pass, norm: Norm, saved: SavedNorm, dY: Tensor): Tensor => {
  const dX = pass.tensor(dY.shape);
  fill(pass, dX, 0);
  normBackward(pass, norm, saved, dY, dX);
  return dX;
};
