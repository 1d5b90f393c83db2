/** Moves a batch of generations on by the tokens just drawn, on the GPU. @module */
import source from "../../kernels/generation_step.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/generation_step.wgsl`. */
export const generationStepKernel: Kernel<
  keyof GenerationState | "drawn" | "logProbability" | "stops",
  "rows" | "maxNew" | "stopCount"
> = {
  name: "generation_step",
  source,
  params: { rows: "u32", maxNew: "u32", stopCount: "u32" },
  bindings: {
    drawn: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    logProbability: { access: "in", shape: ({ rows }) => [rows] },
    stops: { access: "in", dtype: "u32", shape: ({ stopCount }) => [stopCount] },
    tokens: { access: "inout", dtype: "u32", shape: ({ rows }) => [rows] },
    positions: { access: "inout", dtype: "u32", shape: ({ rows }) => [rows] },
    lengths: { access: "inout", dtype: "u32", shape: ({ rows }) => [rows] },
    generated: { access: "inout", dtype: "u32", shape: ({ rows }) => [rows] },
    output: { access: "inout", dtype: "u32", shape: ({ rows, maxNew }) => [2, rows, maxNew] },
  },
  workgroups: ({ rows }) => Math.ceil(rows / 64),
};

/** Where each row of a batch of generations stands; all u32. */
export interface GenerationState {
  /** Token to read next `[rows]`. */
  readonly tokens: Tensor;
  /** Its position `[rows]`. */
  readonly positions: Tensor;
  /** Cache entries up to that position `[rows]`; 0: the row is done. */
  readonly lengths: Tensor;
  /** Tokens so far `[rows]`, the stop included. */
  readonly generated: Tensor;
  /** Those tokens, then the bits of their log-probabilities `[2, rows, maxNew]`. */
  readonly output: Tensor;
}

/**
 * Takes `drawn` u32 `[rows]` and `logProbability [rows]` into `state`, in place. A row ends with one of
 * `stops` (u32), or when it has `maxNew` tokens.
 */
export const generationStep = (
  pass: Pass,
  drawn: Tensor,
  logProbability: Tensor,
  state: GenerationState,
  stops: Tensor,
): void => {
  const [, rows = 0, maxNew = 0] = state.output.shape;
  const [stopCount = 0] = stops.shape;
  pass.dispatch(
    generationStepKernel,
    { rows, maxNew, stopCount },
    { drawn, logProbability, stops, ...state },
  );
};

/** One row of the state as plain numbers. */
export interface RowState {
  readonly token: number;
  readonly position: number;
  readonly length: number;
  readonly output: ReadonlyArray<number>;
}

/** What {@linkcode generationStep} does to one row. */
export const generationStepReference = (
  row: RowState,
  drawn: number,
  maxNew: number,
  stops: ReadonlyArray<number>,
): RowState => {
  if (row.length === 0) return row;
  const output = [...row.output, drawn];
  return output.length >= maxNew || stops.includes(drawn)
    ? { ...row, output, length: 0 }
    : { token: drawn, position: row.position + 1, length: row.length + 1, output };
};
