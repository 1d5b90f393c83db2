/** What TypeScript knows of a WGSL kernel: its bindings, parameters and grid, as data. @module */
import type { Dtype } from "./tensor.ts";

/** Scalar types of the uniform block, four bytes each. */
export type ScalarType = "u32" | "i32" | "f32";

/** One storage binding of a kernel. */
export interface Binding<P extends string> {
  /** `in` is only read, `out` is only written, `inout` is both. */
  readonly access: "in" | "out" | "inout";
  /** `f32` unless told. */
  readonly dtype?: Dtype;
  /** The shape that the parameters promise. */
  readonly shape: (params: Readonly<Record<P, number>>) => ReadonlyArray<number>;
}

/** A kernel with storage bindings named `B` and uniform parameters named `P`. */
export interface Kernel<B extends string, P extends string> {
  readonly name: string;
  /** Valid WGSL whose entry point is `main`. */
  readonly source: string;
  /** The uniform block at `@binding(0)`, in the order of the WGSL struct. */
  readonly params: Readonly<Record<P, ScalarType>>;
  /** Storage buffers at `@binding(1)` and on, in order. */
  readonly bindings: Readonly<Record<B, Binding<P>>>;
  /** Values of the WGSL `override`s; part of the pipeline's identity. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Number of workgroups: one count is folded into (x, y) past 65 535, a triple is taken as it is. */
  readonly workgroups: (
    params: Readonly<Record<P, number>>,
  ) => number | readonly [number, number, number];
}
