/** The backward of a linear layer with an optional LoRA adapter. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { addBiasBackward } from "../ops/add_bias.ts";
import { type AddedProduct, columns, matmulNN, matmulTN } from "../ops/matmul.ts";
import { matmulGroup } from "../ops/matmul_group.ts";
import { accumulate } from "../ops/residual_add.ts";
import { doraBackward } from "./dora.ts";
import {
  dropped,
  type Linear,
  type Lora,
  type RemadeLinear,
  type SavedAdapted,
  type SavedLinear,
  type TrainingMode,
} from "./lora_linear.ts";
import type { Weight } from "./parameters.ts";

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
