/** The gated feed-forward block: x + norm(down(act(gate(n)) · up(n))), where n = rmsNorm(x). @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { geglu, gegluBackward } from "../ops/geglu.ts";
import { swiglu, swigluBackward } from "../ops/swiglu.ts";
import { type BlockOutput, joinBackward, joinForward, type SavedOutput } from "./joined_output.ts";
import { linearBackward } from "./lora_backward.ts";
import {
  type Linear,
  linearForward,
  releaseAdapted,
  releaseLinear,
  type SavedAdapted,
  type SavedLinear,
  type TrainingMode,
} from "./lora_linear.ts";
import { type Norm, normBackward, normForward, type SavedNorm } from "./norm.ts";

/** Weights of the block. */
export interface FeedForward {
  readonly norm: Norm;
  /** `[2 · intermediate, hidden]`, gate rows first. */
  readonly gateUp: Linear;
  readonly activation: "silu" | "gelu_tanh";
  /** `[hidden, intermediate]`. */
  readonly down: Linear;
  /** Norm of what is added to the residual stream, where the family has it. */
  readonly outputNorm?: Norm;
}

/** What the backward reads again. */
export interface SavedFeedForward {
  /** Of the block's input, the residual stream. */
  readonly norm: SavedNorm;
  readonly gateUp: SavedLinear;
  /** `[rows, 2 · intermediate]`; its activation, the input of `down`, is made again. */
  readonly gated: Tensor;
  readonly down: SavedOutput<SavedAdapted>;
}

/** `gateUp [rows, 2 · intermediate]` → act(gate) · up `[rows, intermediate]`, and back. */
const activations = {
  silu: { forward: swiglu, backward: swigluBackward },
  gelu_tanh: { forward: geglu, backward: gegluBackward },
} as const;

/** `x [rows, hidden]` → the residual stream after the block. */
export const feedForwardForward = (
  pass: Pass,
  block: FeedForward,
  x: Tensor,
  mode?: TrainingMode,
): { readonly y: Tensor; readonly saved: SavedFeedForward } => {
  const { y: normed, saved: norm } = normForward(pass, block.norm, x);
  const gateUp = linearForward(pass, block.gateUp, normed, { mode });
  const activated = activations[block.activation].forward(pass, gateUp.y);
  const output = joinForward(pass, outputOf(block), activated, x, mode);
  pass.release(activated);
  const { linear: { x: _, ...linear }, ...rest } = output.saved;
  return {
    y: output.y,
    saved: { norm, gateUp: gateUp.saved, gated: gateUp.y, down: { linear, ...rest } },
  };
};

const outputOf = ({ down, outputNorm }: FeedForward): BlockOutput => ({
  linear: down,
  norm: outputNorm,
});

/** Adds the block's part to `dStream [rows, hidden]`, and releases what was saved. */
export const feedForwardBackward = (
  pass: Pass,
  block: FeedForward,
  saved: SavedFeedForward,
  dStream: Tensor,
  mode?: TrainingMode,
): void => {
  const { gated, down: { linear, ...rest } } = saved;
  // In place: `gated` becomes its gradient, and the gradient of its activation that activation.
  const x = (dActivated: Tensor): Tensor => {
    activations[block.activation].backward(pass, gated, dActivated);
    return dActivated;
  };
  const activated = joinBackward(
    pass,
    outputOf(block),
    { ...rest, linear: { ...linear, x } },
    dStream,
    mode,
  );
  pass.release(activated);
  const dNormed = linearBackward(pass, block.gateUp, saved.gateUp, gated, mode);
  normBackward(pass, block.norm, saved.norm, dNormed, dStream);
  pass.release(dNormed);
  releaseFeedForward(pass, saved);
};

/** Gives the saved tensors back; the input too, for it was made by the attention block of the layer. */
export const releaseFeedForward = (pass: Pass, saved: SavedFeedForward): void => {
  pass.release(saved.norm.x, saved.norm.rstd, saved.gated);
  if (saved.down.norm) pass.release(saved.down.norm.x, saved.down.norm.rstd);
  releaseLinear(pass, saved.gateUp);
  releaseAdapted(pass, saved.down.linear);
};
