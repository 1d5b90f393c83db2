/** Bindings of the kernels behind `matmul.ts`. @module */
import anySource from "../../kernels/matmul.wgsl" with { type: "text" };
import nnSource from "../../kernels/matmul_nn.wgsl" with { type: "text" };
import ntSource from "../../kernels/matmul_nt.wgsl" with { type: "text" };
import tnSource from "../../kernels/matmul_tn.wgsl" with { type: "text" };
import { expand } from "../gpu/expand.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Which operand is stored transposed: N as it is, T transposed. */
export type Layout = "NT" | "NN" | "TN";

type Size = "rows" | "cols" | "depth" | "aSize" | "bSize" | "cSize";

const bindings: Kernel<"a" | "b" | "c", Size>["bindings"] = {
  a: { access: "in", shape: ({ aSize }) => [aSize] },
  b: { access: "in", shape: ({ bSize }) => [bSize] },
  c: { access: "inout", shape: ({ cSize }) => [cSize] },
};

const tile = 8;

/** Binding of `kernels/matmul.wgsl`, for any layout, alignment and adapter. */
export const anyMatmulKernel: Kernel<
  "a" | "b" | "c",
  | Size
  | `${"a" | "b" | "c"}Offset`
  | ("aRow" | "aStep" | "bCol" | "bStep" | "cStride" | "scale" | "accumulate")
> = {
  name: "matmul",
  source: expand(anySource, { TILE: tile }),
  params: {
    rows: "u32",
    cols: "u32",
    depth: "u32",
    aSize: "u32",
    aOffset: "u32",
    aRow: "u32",
    aStep: "u32",
    bSize: "u32",
    bOffset: "u32",
    bCol: "u32",
    bStep: "u32",
    cSize: "u32",
    cOffset: "u32",
    cStride: "u32",
    scale: "f32",
    accumulate: "u32",
  },
  bindings,
  workgroups: ({ rows, cols }) => Math.ceil(Math.ceil(rows / tile) * Math.ceil(cols / tile) / 32),
};

/** A binding of `kernels/matmul_{nt,nn,tn}.wgsl`. */
export type SubgroupMatmulKernel = Kernel<
  "a" | "b" | "c",
  Size | `${"a" | "b" | "c"}${"Offset" | "Stride"}` | "scale" | "accumulate"
>;

const sources: Readonly<Record<Layout, string>> = { NT: ntSource, NN: nnSource, TN: tnSource };
const made = new Map<string, SubgroupMatmulKernel>();

/**
 * The kernel of `layout` for subgroups of `lanes` lanes, each with a register tile of `tileRows` rows
 * (a multiple of 4 that divides `lanes` or that `lanes` divides) by 4 columns; expanded once.
 */
export const subgroupMatmulKernel = (
  layout: Layout,
  lanes: number,
  tileRows: number,
): SubgroupMatmulKernel => {
  const name = `matmul_${layout.toLowerCase()}`;
  const key = `${name}/${lanes}/${tileRows}`;
  const known = made.get(key);
  if (known) return known;
  const sizes = { LANES: lanes, ROWS: tileRows, PARTS: Math.max(1, tileRows / lanes) };
  const kernel: SubgroupMatmulKernel = {
    name,
    source: expand(sources[layout], sizes),
    params: {
      rows: "u32",
      cols: "u32",
      depth: "u32",
      aSize: "u32",
      aOffset: "u32",
      aStride: "u32",
      bSize: "u32",
      bOffset: "u32",
      bStride: "u32",
      cSize: "u32",
      cOffset: "u32",
      cStride: "u32",
      scale: "f32",
      accumulate: "u32",
    },
    bindings,
    workgroups: ({ rows, cols }) => Math.ceil(rows / tileRows) * Math.ceil(cols / (4 * lanes)),
  };
  made.set(key, kernel);
  return kernel;
};
