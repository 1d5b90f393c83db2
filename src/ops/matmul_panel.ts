/**
 * Binding of the product of many rows by panels, `kernels/matmul_panel.wgsl`: for a driver that computes
 * on the CPU, where loads from buffers are dear and memory of a thread's own is cheap.
 *
 * @module
 */
import source from "../../kernels/matmul_panel.wgsl" with { type: "text" };
import { expand } from "../gpu/expand.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { withoutParts } from "../gpu/marked.ts";
import type { PackedFormat } from "../weights/pack.ts";
import { bindingsFor, type Size } from "./matmul_kernels.ts";
import { type KernelPart, kernelParts } from "./matmul_parts.ts";
import { withPackedWords } from "./packed_words.ts";

/** Values of k in a panel. */
export type PanelDepth = 32 | 64 | 96 | 128;

/** Every {@linkcode PanelDepth}: panels of 8, 16, 24 and 32 KiB for eight lanes. */
export const panelDepths: ReadonlyArray<PanelDepth> = [32, 64, 96, 128];

/** Columns of a lane. */
export const laneCols = 8;

// Values of k of a tail: it is computed up to the next of these.
const tailDepths = [16, 32, 48] as const;

/** The longest tail: with a longer one a kernel would compile for longer than it is worth. */
export const longestTail = 48;

/** Columns that a subgroup of `lanes` makes. */
export const panelWidth = (lanes: number): number => laneCols * lanes;

/** A binding of `kernels/matmul_panel.wgsl`. */
export type PanelMatmulKernel = Kernel<
  "a" | "b" | "c",
  | Size
  | `${"a" | "b" | "c"}${"Offset" | "Stride"}`
  | ("kBegin" | "kEnd" | "height" | "transposed" | "scale")
>;

const params: PanelMatmulKernel["params"] = {
  rows: "u32",
  cols: "u32",
  depth: "u32",
  kBegin: "u32",
  kEnd: "u32",
  height: "u32",
  aSize: "u32",
  aOffset: "u32",
  aStride: "u32",
  bSize: "u32",
  bOffset: "u32",
  bStride: "u32",
  transposed: "u32",
  cSize: "u32",
  cOffset: "u32",
  cStride: "u32",
  scale: "f32",
};

/** What a panel kernel is made for, beside its depth. */
export interface PanelOptions {
  /** Of the adapter's subgroups. */
  readonly lanes: number;
  /** How B is stored; in f32 unless told. */
  readonly format?: PackedFormat | undefined;
  /** Residual and tail. */
  readonly parts?: ReadonlyArray<KernelPart>;
  /** The longest of the tail's parts. */
  readonly tailDepth?: number;
}

const made = new Map<string, PanelMatmulKernel>();

/**
 * The kernel of a depth, expanded once. In q8 it also binds `scales`, for a residual `r`, and for a tail
 * `t` and `u`.
 */
export const panelMatmulKernel = (
  depth: PanelDepth,
  { lanes, format, parts = [], tailDepth = 0 }: PanelOptions,
): PanelMatmulKernel => {
  const tail = tailDepths.find((depth) => parts.includes("tail") && tailDepth <= depth) ?? 0;
  const key = `${depth}/${lanes}/${tail}/${format}/${parts}`;
  const known = made.get(key);
  if (known) return known;
  const name = ["matmul_panel", ...format ? [format] : [], ...parts].join("_");
  const left = (["residual", "tail"] as const).filter((part) => !parts.includes(part));
  const own = withoutParts(source, left);
  const { a, b, c, ...scales } = bindingsFor(format);
  const kernel: PanelMatmulKernel = {
    name,
    source: expand(format ? withPackedWords(own, format, 1) : own, {
      LANES: lanes,
      DEPTH: depth,
      PARTS: Math.ceil(depth / (8 * lanes)),
      TAIL: tail,
      TAIL_PARTS: Math.ceil(tail / (4 * lanes)),
    }),
    params: Object.assign({ ...params }, ...parts.map((part) => kernelParts[part].params)),
    bindings: {
      ...{ a, b, c },
      ...Object.assign({}, ...parts.map((part) => kernelParts[part].bindings)),
      ...scales,
    },
    workgroups: ({ rows, cols, height }) =>
      Math.ceil(rows / height) * Math.ceil(cols / panelWidth(lanes)),
  };
  made.set(key, kernel);
  return kernel;
};
