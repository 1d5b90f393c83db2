/** A linear layer with an optional LoRA adapter: y = x·Wᵀ + scale·(x·Aᵀ)·Bᵀ + bias. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { addBias, addBiasBackward } from "../ops/add_bias.ts";
import { dropout } from "../ops/dropout.ts";
import { type AddedProduct, columns, matmulNN, matmulNT, matmulTN } from "../ops/matmul.ts";
import { matmulGroup } from "../ops/matmul_group.ts";
import { accumulate } from "../ops/residual_add.ts";
import {
  directionsOf,
  type Dora,
  doraBackward,
  doraForward,
  releaseDora,
  type SavedDora,
} from "./dora.ts";
import type { Parameter, Weight } from "./parameters.ts";

/** One adapted output of a fused linear: rows `[from, to)` of W, and which rows of A are its own. */
export interface LoraTarget {
  /** Hugging Face's module name, such as `q_proj`. */
  readonly module: string;
  readonly from: number;
  readonly to: number;
  /** Its rows in the stacked A: its rank is their number. */
  readonly ranks: readonly [from: number, to: number];
  /** alpha / rank, or alpha / √rank with rsLoRA. */
  readonly scale: number;
  /** `[to - from, rank]`, zero at the start. */
  readonly b: Parameter;
  readonly dora?: Dora;
}

/** The adapter of one (fused) linear; the A's of its targets are stacked and run as one product. */
export interface Lora {
  /** Probability that an element of the adapter's input is dropped in training. */
  readonly dropout: number;
  /** Tells this adapter's dropout masks from those of the others. */
  readonly stream: number;
  /** `[ranks of all targets, in]`. */
  readonly a: Parameter;
  readonly targets: ReadonlyArray<LoraTarget>;
}

/** `weight [out, in]`, and where the family has it `bias [out]`; trained where they have gradients. */
export interface Linear {
  readonly weight: Weight;
  readonly bias?: Parameter;
  readonly lora?: Lora;
}

/** Whether dropout is on, and the seed of its masks in this micro-batch. */
export interface TrainingMode {
  readonly seed: number;
  readonly step: number;
}

/** What the backward of a linear reads again. */
export interface SavedLinear extends SavedAdapted {
  /** Its input `[rows, in]`. */
  readonly x: Tensor;
}

/** The part of it that the linear itself made. */
export interface SavedAdapted {
  /** x·Aᵀ `[rows, ranks of all targets]`. */
  readonly down?: Tensor;
  /** Of the targets that have DoRA. */
  readonly dora?: ReadonlyArray<SavedDora>;
}

/** The same, for a linear whose input is made again from its gradient: in place, when that was used. */
export interface RemadeLinear extends SavedAdapted {
  readonly x: (dX: Tensor) => Tensor;
}

const dropped = (pass: Pass, lora: Lora, x: Tensor, mode: TrainingMode | undefined): Tensor =>
  mode && lora.dropout > 0
    ? dropout(pass, x, {
      rate: lora.dropout,
      seed: mode.seed,
      step: mode.step,
      stream: lora.stream,
    })
    : x;

/** `x [rows, in]` → `y [rows, out]`, added to `residual` where given; `mode` turns dropout on. */
export const linearForward = (
  pass: Pass,
  { weight, bias, lora }: Linear,
  x: Tensor,
  { mode, residual }: {
    readonly mode?: TrainingMode | undefined;
    readonly residual?: Tensor | undefined;
  } = {},
): { readonly y: Tensor; readonly saved: SavedLinear } => {
  const down = lora && lowered(pass, lora, x, mode);
  const plus = lora && down ? addedTo(lora, down) : [];
  const directions = lora ? directionsOf(pass, weight.value, lora) : [];
  const scaled = directions.length > 0; // DoRA scales the output before it joins the residual
  const y = matmulNT(pass, x, weight.value, { plus, ...residual && !scaled ? { residual } : {} });
  const dora = doraForward(pass, directions, y);
  if (scaled && residual) accumulate(pass, y, residual);
  if (bias) addBias(pass, y, bias.value);
  return { y, saved: { x, ...down ? { down } : {}, ...dora.length > 0 ? { dora } : {} } };
};

// x·Aᵀ `[rows, ranks of all targets]`.
const lowered = (
  pass: Pass,
  lora: Lora,
  x: Tensor,
  mode: TrainingMode | undefined,
): Tensor => {
  const input = dropped(pass, lora, x, mode);
  const down = matmulNT(pass, input, lora.a.value);
  if (input !== x) pass.release(input);
  return down;
};

// scale·(x·Aᵀ)·Bᵀ of each target, for its columns of y.
const addedTo = ({ targets }: Lora, down: Tensor): ReadonlyArray<AddedProduct> =>
  targets.map(({ from, to, ranks, scale, b }) => ({
    a: columns(down, ...ranks),
    b: b.value,
    columns: [from, to],
    scale,
  }));

/**
 * `dY [rows, out]` → `dX [rows, in]`; adds to the gradients of W (when trained), A and B.
 *
 *     dX = dY·W + dT·A,  dT = scale·dY·B,  dA += dTᵀ·x,  dB += scale·dYᵀ·(x·Aᵀ)
 *
 * With DoRA, dY is first taken back through the lengths. dX comes before the gradients that x is part of.
 */
export const linearBackward = (
  pass: Pass,
  linear: Linear,
  saved: SavedLinear | RemadeLinear,
  dY: Tensor,
  mode?: TrainingMode,
): Tensor => {
  const gradients = outputGradients(pass, linear, saved, dY);
  const { weight, lora } = linear;
  const { dZ, dDown } = gradients;
  const dX = lora && dDown
    ? adaptedInputGradient(pass, weight, lora, { dZ, dDown }, mode)
    : matmulNN(pass, dZ, weight.value);
  const { x } = saved;
  addWeightGradients(pass, linear, gradients, typeof x === "function" ? x(dX) : x, mode);
  releaseGradients(pass, gradients, dY);
  return dX;
};

/** What {@linkcode linearBackward} adds to gradients, of a linear whose input trains nothing. */
export const linearParametersBackward = (
  pass: Pass,
  linear: Linear,
  saved: SavedLinear,
  dY: Tensor,
  mode?: TrainingMode,
): void => {
  const gradients = outputGradients(pass, linear, saved, dY);
  addWeightGradients(pass, linear, gradients, saved.x, mode);
  releaseGradients(pass, gradients, dY);
};

/** Of x·Wᵀ, and of x·Aᵀ where there is an adapter. */
interface OutputGradients {
  readonly dZ: Tensor;
  readonly dDown: Tensor | undefined;
}

// Adds to the gradients of the bias, of DoRA's lengths and of the B's.
const outputGradients = (
  pass: Pass,
  { bias, lora }: Linear,
  { down, dora }: SavedAdapted,
  dY: Tensor,
): OutputGradients => {
  if (bias?.gradient) addBiasBackward(pass, dY, bias.gradient);
  const dZ = dora ? doraBackward(pass, dora, dY) : dY;
  return { dZ, dDown: lora && down && loweredBackward(pass, lora, down, dZ) };
};

// Those of W and A.
const addWeightGradients = (
  pass: Pass,
  { weight, lora }: Linear,
  { dZ, dDown }: OutputGradients,
  x: Tensor,
  mode: TrainingMode | undefined,
): void => {
  if (weight.gradient) matmulTN(pass, dZ, x, { into: weight.gradient, accumulate: true });
  if (!lora?.a.gradient || !dDown) return;
  const lowered = dropped(pass, lora, x, mode);
  matmulTN(pass, dDown, lowered, { into: lora.a.gradient, accumulate: true });
  if (lowered !== x) pass.release(lowered);
};

const releaseGradients = (pass: Pass, { dZ, dDown }: OutputGradients, dY: Tensor): void => {
  if (dDown) pass.release(dDown);
  if (dZ !== dY) pass.release(dZ);
};

// The gradient of x·Aᵀ `[rows, ranks of all targets]`; adds to those of the B's.
const loweredBackward = (pass: Pass, { targets }: Lora, down: Tensor, dZ: Tensor): Tensor => {
  const dDown = pass.tensor(down.shape);
  matmulGroup(
    pass,
    "NN",
    targets.map(({ from, to, ranks, scale, b }) => ({
      a: columns(dZ, from, to),
      b: b.value,
      into: columns(dDown, ...ranks),
      scale,
    })),
  );
  const trained = targets.flatMap(({ from, to, ranks, scale, b: { gradient: into } }) =>
    into ? [{ a: columns(dZ, from, to), b: columns(down, ...ranks), into, scale }] : []
  );
  matmulGroup(pass, "TN", trained, { accumulate: true });
  return dDown;
};

// dZ·W + dDown·A, where what dropout took of the adapter's input has no part in the second.
const adaptedInputGradient = (
  pass: Pass,
  weight: Weight,
  lora: Lora,
  { dZ, dDown }: Readonly<Record<"dZ" | "dDown", Tensor>>,
  mode: TrainingMode | undefined,
): Tensor => {
  const a = lora.a.value;
  if (!mode || lora.dropout === 0) {
    const plus: AddedProduct[] = [{ a: dDown, b: a, columns: [0, a.shape[1]!] }];
    return matmulNN(pass, dZ, weight.value, { plus });
  }
  const dX = matmulNN(pass, dZ, weight.value);
  const dInput = matmulNN(pass, dDown, a);
  const kept = dropped(pass, lora, dInput, mode);
  accumulate(pass, dX, kept);
  pass.release(dInput, kept);
  return dX;
};

/** Gives what the forward kept back. */
export const releaseLinear = (pass: Pass, saved: SavedLinear): void => {
  pass.release(saved.x);
  releaseAdapted(pass, saved);
};

/** Gives back what the forward kept beside the input. */
export const releaseAdapted = (
  pass: Pass,
  { down, dora }: SavedAdapted,
): void => {
  if (down) pass.release(down);
  if (dora) releaseDora(pass, dora);
};
