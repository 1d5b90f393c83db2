/** Choices between kernels that were measured on an adapter: where ops find them. @module */
import type { Gpu } from "./gpu.ts";

/** A product `[rows, depth] · [depth, cols]` for which a kernel is to be chosen. */
export interface AskedProduct {
  /** Which operand is stored transposed: N as it is, T transposed. */
  readonly layout: "NT" | "NN" | "TN";
  /** How its right operand is stored. */
  readonly format: "f32" | "f16" | "bf16" | "q8";
  readonly rows: number;
  readonly depth: number;
  readonly cols: number;
}

/** What was measured to be fastest. */
export interface Tuning {
  /** Name of the configuration to take; undefined where nothing was measured. */
  readonly configurationOf: (product: AskedProduct) => string | undefined;
}

/** `gpu` whose passes take what `tuning` remembers. */
export const withTuning = (gpu: Gpu, tuning: Tuning): Gpu => {
  const adapter = { ...gpu.adapter, tuning };
  return {
    ...gpu,
    adapter,
    submit: (record) => gpu.submit((pass) => record({ ...pass, adapter })),
  };
};
