/**
 * The product of many rows by panels, `kernels/matmul_panel.wgsl`: for a driver that computes on the
 * CPU, where loads from buffers are dear and memory of a thread's own is cheap.
 *
 * @module
 */
import source from "../../kernels/matmul_panel.wgsl" with { type: "text" };
import { expand } from "../gpu/expand.ts";
import type { AdapterFacts } from "../gpu/device.ts";
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

// Columns of a lane.
const laneCols = 8;

// Values of k of a tail: it is computed up to the next of these.
const tailDepths = [16, 32] as const;

/** The longest tail: with a longer one a kernel would compile for longer than it is worth. */
export const longestTail = 32;

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
  const name = ["matmul_panel", ...format ? [format] : [], ...parts].join("_");
  const key = `${name}/${depth}/${lanes}/${tail}`;
  const known = made.get(key);
  if (known) return known;
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

// With fewer rows, copying the panel costs more than it saves.
const fewestRows = 48;

/** Whether `adapter` can make a product of `rows` and `depth` by panels of `own`, and gains by it. */
export const fitsPanel = (
  { software, subgroups, subgroupSize }: AdapterFacts,
  own: PanelDepth,
  { rows, depth }: { readonly rows: number; readonly depth: number },
): boolean =>
  software && subgroups && own % (4 * subgroupSize) === 0 && depth % own === 0 &&
  rows >= fewestRows;

// A deeper panel reads and writes C less often, takes longer to compile (0.8, 0.9 and 1.2 s for 64, 96 and
// 128 values of k), and leaves a small nearest cache: worth it with large weights, of which products
// take long.
const large = 2 ** 18;
const forLarge: ReadonlyArray<PanelDepth> = [96, 128, 64, 32];
const forSmall: ReadonlyArray<PanelDepth> = [64, 32];
// Elements a second beside the tiles of subgroups.
const rates: Readonly<Record<PanelDepth, number>> = { 32: 1.2, 64: 1.6, 96: 1.7, 128: 1.8 };

/** The panels for a product, with what it costs: elements of C, padded, by their rate. */
export interface PanelChoice {
  readonly depth: PanelDepth;
  readonly cost: number;
}

/** The best of the panels that `fit` a product, undefined where none do. */
export const panelsFor = (
  fit: (depth: PanelDepth) => boolean,
  lanes: number,
  { rows, depth, cols }: Readonly<Record<"rows" | "depth" | "cols", number>>,
): PanelChoice | undefined => {
  const best = (depth * cols >= large ? forLarge : forSmall).find(fit);
  if (!best) return undefined;
  const width = panelWidth(lanes);
  return { depth: best, cost: rows * Math.ceil(cols / width) * width / rates[best] };
};

/** How a product is cut into workgroups and dispatches. */
export interface PanelPlan {
  /** Rows of a workgroup. */
  readonly height: number;
  /** What of k a dispatch makes: whole panels. What is added is added by the last. */
  readonly stretches: ReadonlyArray<readonly [kBegin: number, kEnd: number]>;
}

// Workgroups among which the threads of a driver can share the work out.
const enoughWorkgroups = 8;
// Mesa ends a thread's loops after 65,535 turns in all, without a word.
const mostTurns = 60_000;
// Every panel of a dispatch computes the tail, and all but the last drop it: from so many on, the last
// panel has a dispatch of its own.
const manyPanels = 4;

/** The plan for `rows × depth × cols` by panels of `own`, to which something is `added` or not. */
export const planPanels = (
  own: PanelDepth,
  lanes: number,
  { rows, depth, cols }: Readonly<Record<"rows" | "depth" | "cols", number>>,
  added: boolean,
): PanelPlan => {
  const wanted = Math.ceil(enoughWorkgroups / Math.ceil(cols / panelWidth(lanes)));
  const parts = Math.max(1, Math.min(wanted, Math.floor(rows / fewestRows)));
  const height = Math.min(Math.ceil(rows / parts), mostTurns / 8);
  // Of a panel: its own, those that copy it, and three a row.
  const turns = 1 + own + own * laneCols / 4 + 3 * height;
  const ofTail = longestTail * (1 + laneCols / 4 + laneCols);
  const step = Math.max(1, Math.floor((mostTurns - ofTail) / turns)) * own;
  const apart = added && depth / own >= manyPanels ? depth - own : depth;
  const stretches: [number, number][] = [];
  for (let from = 0; from < apart; from += step) {
    stretches.push([from, Math.min(from + step, apart)]);
  }
  if (apart < depth) stretches.push([apart, depth]);
  return { height, stretches };
};
