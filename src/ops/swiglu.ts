/** SwiGLU: the gated activation of the feed-forward block. @module */
import backwardSource from "../../kernels/swiglu_backward.wgsl" with { type: "text" };
import source from "../../kernels/swiglu.wgsl" with { type: "text" };
import { inFours } from "../gpu/fours.ts";
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/swiglu.wgsl`. */
export const swigluKernel: Kernel<"gateUp" | "y", "rows" | "cols"> = {
  name: "swiglu",
  source,
  params: { rows: "u32", cols: "u32" },
  bindings: {
    gateUp: { access: "in", shape: ({ rows, cols }) => [rows, 2 * cols] },
    y: { access: "out", shape: ({ rows, cols }) => [rows, cols] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
};

/** Binding of `kernels/swiglu_backward.wgsl`. */
export const swigluBackwardKernel: Kernel<"gateUp" | "dY", "rows" | "cols"> = {
  name: "swiglu_backward",
  source: backwardSource,
  params: { rows: "u32", cols: "u32" },
  bindings: {
    gateUp: { access: "inout", shape: ({ rows, cols }) => [rows, 2 * cols] },
    dY: { access: "inout", shape: ({ rows, cols }) => [rows, cols] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
};

const [swigluFours, swigluBackwardFours] = [
  inFours(swigluKernel, "elements"),
  inFours(swigluBackwardKernel, "elements"),
];

/** `gateUp [rows, 2 · intermediate]`, gate first → `y [rows, intermediate]`. */
export const swiglu = (pass: Pass, gateUp: Tensor): Tensor => {
  const [rows = 0, both = 0] = gateUp.shape;
  const cols = both / 2;
  const y = pass.tensor([rows, cols]);
  const kernel = cols % 4 === 0 ? swigluFours : swigluKernel;
  pass.dispatch(kernel, { rows, cols }, { gateUp, y });
  return y;
};

/**
 * In place: `gateUp [rows, 2 · intermediate]`, which the forward read, becomes its gradient, and
 * `dY [rows, intermediate]` becomes what the forward gave.
 */
export const swigluBackward = (pass: Pass, gateUp: Tensor, dY: Tensor): void => {
  const [rows = 0, both = 0] = gateUp.shape;
  const cols = both / 2;
  const kernel = cols % 4 === 0 ? swigluBackwardFours : swigluBackwardKernel;
  pass.dispatch(kernel, { rows, cols }, { gateUp, dY });
};

/** The forward's formula in f64; `cols` is the width of y. */
export const swigluReference = (gateUp: ArrayLike<number>, cols: number): Float64Array =>
  Float64Array.from({ length: gateUp.length / 2 }, (_, i) => {
    const at = i + Math.floor(i / cols) * cols;
    const z = gateUp[at]!;
    return z / (1 + Math.exp(-z)) * gateUp[at + cols]!;
  });

/** The backward's formulas in f64; `cols` is the width of dY. */
export const swigluBackwardReference = (
  gateUp: ArrayLike<number>,
  dY: ArrayLike<number>,
  cols: number,
): Float64Array => {
  const dGateUp = new Float64Array(gateUp.length);
  for (let i = 0; i < dY.length; i++) {
    const at = i + Math.floor(i / cols) * cols;
    const z = gateUp[at]!;
    const s = 1 / (1 + Math.exp(-z));
    dGateUp[at] = dY[i]! * gateUp[at + cols]! * s * (1 + z * (1 - s));
    dGateUp[at + cols] = dY[i]! * z * s;
  }
  return dGateUp;
};
