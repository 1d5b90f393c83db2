/** GeGLU: the gated activation of the feed-forward block of Gemma. @module */
import backwardSource from "../../kernels/geglu_backward.wgsl" with { type: "text" };
import source from "../../kernels/geglu.wgsl" with { type: "text" };
import { inFours } from "../gpu/fours.ts";
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/geglu.wgsl`. */
export const gegluKernel: Kernel<"gateUp" | "y", "rows" | "cols"> = {
  name: "geglu",
  source,
  params: { rows: "u32", cols: "u32" },
  bindings: {
    gateUp: { access: "in", shape: ({ rows, cols }) => [rows, 2 * cols] },
    y: { access: "out", shape: ({ rows, cols }) => [rows, cols] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
};

/** Binding of `kernels/geglu_backward.wgsl`. */
export const gegluBackwardKernel: Kernel<"gateUp" | "dY", "rows" | "cols"> = {
  name: "geglu_backward",
  source: backwardSource,
  params: { rows: "u32", cols: "u32" },
  bindings: {
    gateUp: { access: "inout", shape: ({ rows, cols }) => [rows, 2 * cols] },
    dY: { access: "inout", shape: ({ rows, cols }) => [rows, cols] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
};

const [gegluFours, gegluBackwardFours] = [
  inFours(gegluKernel, "elements"),
  inFours(gegluBackwardKernel, "elements"),
];

/** `gateUp [rows, 2 · intermediate]`, gate first → `y [rows, intermediate]`. */
export const geglu = (pass: Pass, gateUp: Tensor): Tensor => {
  const [rows = 0, both = 0] = gateUp.shape;
  const cols = both / 2;
  const y = pass.tensor([rows, cols]);
  const kernel = cols % 4 === 0 ? gegluFours : gegluKernel;
  pass.dispatch(kernel, { rows, cols }, { gateUp, y });
  return y;
};

/**
 * In place: `gateUp [rows, 2 · intermediate]`, which the forward read, becomes its gradient, and
 * `dY [rows, intermediate]` becomes what the forward gave.
 */
export const gegluBackward = (pass: Pass, gateUp: Tensor, dY: Tensor): void => {
  const [rows = 0, both = 0] = gateUp.shape;
  const cols = both / 2;
  const kernel = cols % 4 === 0 ? gegluBackwardFours : gegluBackwardKernel;
  pass.dispatch(kernel, { rows, cols }, { gateUp, dY });
};

/** The forward's formula in f64; `cols` is the width of y. */
export const gegluReference = (gateUp: ArrayLike<number>, cols: number): Float64Array =>
  Float64Array.from({ length: gateUp.length / 2 }, (_, i) => {
    const at = i + Math.floor(i / cols) * cols;
    return gelu(gateUp[at]!).value * gateUp[at + cols]!;
  });

/** The backward's formulas in f64; `cols` is the width of dY. */
export const gegluBackwardReference = (
  gateUp: ArrayLike<number>,
  dY: ArrayLike<number>,
  cols: number,
): Float64Array => {
  const dGateUp = new Float64Array(gateUp.length);
  for (let i = 0; i < dY.length; i++) {
    const at = i + Math.floor(i / cols) * cols;
    const { value, slope } = gelu(gateUp[at]!);
    dGateUp[at] = dY[i]! * gateUp[at + cols]! * slope;
    dGateUp[at + cols] = dY[i]! * value;
  }
  return dGateUp;
};

// ½ z (1 + tanh u), u = √(2/π) (z + 0.044715 z³), as Gemma defines it, and its derivative.
const gelu = (z: number): { readonly value: number; readonly slope: number } => {
  const root = Math.sqrt(2 / Math.PI);
  const tanh = Math.tanh(root * (z + 0.044715 * z ** 3));
  const inner = root * (1 + 3 * 0.044715 * z ** 2);
  return { value: 0.5 * z * (1 + tanh), slope: 0.5 * (1 + tanh + z * (1 - tanh ** 2) * inner) };
};
