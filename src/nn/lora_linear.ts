/** A linear layer with an optional LoRA adapter: y = x·Wᵀ + scale·(x·Aᵀ)·Bᵀ + bias. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { addBias } from "../ops/add_bias.ts";
import { dropout } from "../ops/dropout.ts";
import { type AddedProduct, columns, matmulNT } from "../ops/matmul.ts";
import { accumulate } from "../ops/residual_add.ts";
import { directionsOf, type Dora, doraForward, releaseDora, type SavedDora } from "./dora.ts";
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

/** `x` without what dropout takes of the adapter's input; `x` itself where it takes nothing. */
export const dropped = (
  pass: Pass,
  lora: Lora,
  x: Tensor,
  mode: TrainingMode | undefined,
): Tensor =>
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
