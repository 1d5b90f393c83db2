/** Parts of the kernels of products that are left out where they are not wanted. @module */
import type { Binding } from "../gpu/kernel.ts";

/** What one of the three parts of a tail is told. */
export type TailPart = "end" | "depth" | "tOffset" | "uOffset" | "uStride" | "scale";

/** Parameters of the tail: those of its operands, and of each part. */
export type TailSize = "tSize" | "tStride" | "uSize" | `${TailPart}${0 | 1 | 2}`;

/** What of a product in a group is its own. */
export type GroupedSize =
  | "rows"
  | "cols"
  | "depth"
  | `${"a" | "b" | "c"}${"Offset" | "Stride"}`
  | "scale"
  | "firstTile";

/** Marked parts: NT and panels have a residual and a tail, NN a tail, TN and TT a group of products. */
export type KernelPart = "residual" | "tail" | "grouped";

const partParams = <const P extends 0 | 1 | 2>(part: P) =>
  ({
    [`end${part}`]: "u32",
    [`depth${part}`]: "u32",
    [`tOffset${part}`]: "u32",
    [`uOffset${part}`]: "u32",
    [`uStride${part}`]: "u32",
    [`scale${part}`]: "f32",
  }) as Readonly<Record<`${TailPart}${P}`, "u32" | "f32">>;

const tailParams: Readonly<Record<TailSize, "u32" | "f32">> = {
  tSize: "u32",
  tStride: "u32",
  uSize: "u32",
  ...partParams(0),
  ...partParams(1),
  ...partParams(2),
};

const groupedParams = <const P extends 1 | 2>(product: P) =>
  ({
    [`rows${product}`]: "u32",
    [`cols${product}`]: "u32",
    [`depth${product}`]: "u32",
    [`aOffset${product}`]: "u32",
    [`aStride${product}`]: "u32",
    [`bOffset${product}`]: "u32",
    [`bStride${product}`]: "u32",
    [`cOffset${product}`]: "u32",
    [`cStride${product}`]: "u32",
    [`scale${product}`]: "f32",
    [`firstTile${product}`]: "u32",
  }) as Readonly<Record<`${GroupedSize}${P}`, "u32" | "f32">>;

/** What a part adds to a kernel. */
export interface AddedByPart {
  readonly params: Readonly<Record<string, "u32" | "f32">>;
  readonly bindings: Readonly<Record<string, Binding<string>>>;
}

const vector = (size: string): Binding<string> => ({
  access: "in",
  shape: (params) => [params[size]!],
});

/** What each part adds to the parameters and bindings of a kernel. */
export const kernelParts: Readonly<Record<KernelPart, AddedByPart>> = {
  residual: { params: { rSize: "u32" }, bindings: { r: vector("rSize") } },
  grouped: { params: { tiles: "u32", ...groupedParams(1), ...groupedParams(2) }, bindings: {} },
  tail: { params: tailParams, bindings: { t: vector("tSize"), u: vector("uSize") } },
};
