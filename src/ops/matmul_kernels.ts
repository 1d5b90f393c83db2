/** Bindings of the kernels behind `matmul.ts`. @module */
import anySource from "../../kernels/matmul.wgsl" with { type: "text" };
import nnSource from "../../kernels/matmul_nn.wgsl" with { type: "text" };
import ntSource from "../../kernels/matmul_nt.wgsl" with { type: "text" };
import tnSource from "../../kernels/matmul_tn.wgsl" with { type: "text" };
import ttSource from "../../kernels/matmul_tt.wgsl" with { type: "text" };
import { expand } from "../gpu/expand.ts";
import { withoutParts } from "../gpu/marked.ts";
import type { Binding, Kernel } from "../gpu/kernel.ts";
import type { PackedFormat } from "../weights/pack.ts";
import { type KernelPart, kernelParts } from "./matmul_parts.ts";
import { type Fours, withPackedElements, withPackedWords } from "./packed_words.ts";

/** Which operand is stored transposed: N as it is, T transposed. */
export type Layout = "NT" | "NN" | "TN";

/** TT is NN lying down: Cᵀ of the operands exchanged. */
export type TileLayout = Layout | "TT";

/** Sizes that every kernel of a product is told. */
export type Size = "rows" | "cols" | "depth" | "aSize" | "bSize" | "cSize";

/** What every kernel of a product binds. */
export type MatmulBindings = Kernel<"a" | "b" | "c", Size>["bindings"];

const bindings: MatmulBindings = {
  a: { access: "in", shape: ({ aSize }) => [aSize] },
  b: { access: "in", shape: ({ bSize }) => [bSize] },
  c: { access: "inout", shape: ({ cSize }) => [cSize] },
};

const scales: Binding<Size> = { access: "in", shape: ({ bSize }) => [Math.ceil(bSize / 8)] };

/** The bindings for a B in `format`: words where it is packed, `bSize` of them, in q8 a scale for every 8. */
export const bindingsFor = (format: PackedFormat | undefined): MatmulBindings => {
  if (!format) return bindings;
  const packed = { ...bindings, b: { ...bindings.b, dtype: "u32" } } as const;
  return format === "q8" ? { ...packed, scales } as typeof bindings : packed;
};

const tile = 8;

/** A binding of `kernels/matmul.wgsl`. */
export type AnyMatmulKernel = Kernel<
  "a" | "b" | "c",
  | Size
  | `${"a" | "b" | "c"}Offset`
  | ("aRow" | "aStep" | "bCol" | "bStep" | "cStride" | "scale" | "accumulate")
>;

/** Binding of `kernels/matmul.wgsl`, for any layout, alignment and adapter. */
export const anyMatmulKernel: AnyMatmulKernel = {
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

const packedKernelOf = (format: PackedFormat): AnyMatmulKernel => ({
  ...anyMatmulKernel,
  name: `matmul_${format}`,
  source: withPackedElements(anyMatmulKernel.source, format),
  bindings: bindingsFor(format),
});

/** {@linkcode anyMatmulKernel} with B packed; in q8 it also binds `scales`. */
export const packedMatmulKernels: Readonly<Record<PackedFormat, AnyMatmulKernel>> = {
  f16: packedKernelOf("f16"),
  bf16: packedKernelOf("bf16"),
  q8: packedKernelOf("q8"),
};

type SubgroupSize =
  | Size
  | `${"a" | "b" | "c"}${"Offset" | "Stride"}`
  | "scale"
  | "accumulate"
  | "transposed";

/** A binding of `kernels/matmul_{nt,nn,tn,tt}.wgsl`. */
export type SubgroupMatmulKernel = Kernel<"a" | "b" | "c", SubgroupSize>;

const sources: Readonly<Record<TileLayout, string>> = {
  NT: ntSource,
  NN: nnSource,
  TN: tnSource,
  TT: ttSource,
};

const params: SubgroupMatmulKernel["params"] = {
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
  transposed: "u32",
};

/** What a subgroup kernel is expanded for. */
export interface SubgroupTile {
  /** Of the adapter's subgroups. */
  readonly lanes: number;
  /** Rows of a lane's register tile of four columns: a power of two, in TN and TT a multiple of 4. */
  readonly rows: number;
  /** How B is stored; in f32 unless told. */
  readonly format?: PackedFormat;
  /** vec4 of B that are loaded at once: more than 1 in NT and q8 alone. */
  readonly fours: Fours;
}

/** Columns of the tiles of {@linkcode subgroupMatmulKernel}. */
export const tileColumns = (lanes: number): number => 4 * lanes;

const made = new Map<string, SubgroupMatmulKernel>();

const nameOf = (layout: TileLayout, { format }: SubgroupTile): string =>
  `matmul_${layout.toLowerCase()}${format ? `_${format}` : ""}`;

const sourceOf = (source: string, { lanes, rows, format, fours }: SubgroupTile): string =>
  expand(format ? withPackedWords(source, format, fours) : source, {
    LANES: lanes,
    ROWS: rows,
    PARTS: Math.max(1, rows * fours / lanes),
    ...source.includes("TAIL_PARTS") ? { TAIL_PARTS: Math.max(1, rows / lanes) } : {},
  });

/** How many tiles a product has. */
export const tilesOf = (
  { lanes, rows: tileRows }: Pick<SubgroupTile, "lanes" | "rows">,
  { rows, cols }: Readonly<Record<"rows" | "cols", number>>,
): number => Math.ceil(rows / tileRows) * Math.ceil(cols / tileColumns(lanes));

const workgroupsOf =
  (tile: SubgroupTile) =>
  (params: Readonly<Record<"rows" | "cols", number>> & { readonly tiles?: number }): number =>
    params.tiles ?? tilesOf(tile, params);

// Asked for with every product: the name is put together for a new kernel alone.
const keyOf = (
  layout: TileLayout,
  { lanes, rows, fours, format }: SubgroupTile,
  parts: ReadonlyArray<KernelPart>,
): string => `${layout}/${lanes}/${rows}/${fours}/${format}/${parts}`;

/**
 * The kernel of `layout` for a tile, expanded once. In q8 it also binds `scales`, for a residual `r`, and
 * for a tail `t` and `u`; with `grouped` it is told of two further products.
 */
export const subgroupMatmulKernel = (
  layout: TileLayout,
  tile: SubgroupTile,
  parts: ReadonlyArray<KernelPart> = [],
): SubgroupMatmulKernel => {
  const key = keyOf(layout, tile, parts);
  const known = made.get(key);
  if (known) return known;
  const name = [nameOf(layout, tile), ...parts].join("_");
  const left = Object.keys(kernelParts).filter((part) => !parts.includes(part as KernelPart));
  const { a, b, c, ...scales } = bindingsFor(tile.format);
  const kernel: SubgroupMatmulKernel = {
    name,
    source: sourceOf(withoutParts(sources[layout], left), tile),
    params: Object.assign({ ...params }, ...parts.map((part) => kernelParts[part].params)),
    bindings: {
      ...{ a, b, c },
      ...Object.assign({}, ...parts.map((part) => kernelParts[part].bindings)),
      ...scales,
    },
    workgroups: workgroupsOf(tile),
  };
  made.set(key, kernel);
  return kernel;
};
