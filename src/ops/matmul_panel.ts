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

/** What the kernel is expanded for. */
export interface PanelTile {
  /** Values of k in a panel. */
  readonly depth: number;
  /** Columns of a lane. */
  readonly cols: number;
}

/** A name of {@linkcode panelTiles}. */
export type PanelTileName = "32x8" | "64x8" | "96x8" | "128x8";

/** Tiles by values of k × columns of a lane: panels of 8, 16, 24 and 32 KiB for eight lanes. */
export const panelTiles: Readonly<Record<PanelTileName, PanelTile>> = {
  "32x8": { depth: 32, cols: 8 },
  "64x8": { depth: 64, cols: 8 },
  "96x8": { depth: 96, cols: 8 },
  "128x8": { depth: 128, cols: 8 },
};

/** All of {@linkcode panelTiles}. */
export const panelTileNames: ReadonlyArray<PanelTileName> = ["32x8", "64x8", "96x8", "128x8"];

/** Values of k that a tail may have: it is computed up to the next of these. */
const tailDepths = [16, 32, 64] as const;

/** The longest tail. */
export const longestTail = 64;

/** Columns that a subgroup of `lanes` makes. */
export const panelWidth = (name: PanelTileName, lanes: number): number =>
  panelTiles[name].cols * lanes;

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

/** What a panel kernel is made for, beside its tile. */
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
 * The kernel with a tile, expanded once. In q8 it also binds `scales`, for a residual `r`, and for a tail
 * `t` and `u`.
 */
export const panelMatmulKernel = (
  tile: PanelTileName,
  { lanes, format, parts = [], tailDepth = 0 }: PanelOptions,
): PanelMatmulKernel => {
  const tail = tailDepths.find((depth) => parts.includes("tail") && tailDepth <= depth) ?? 0;
  const name = ["matmul_panel", ...format ? [format] : [], ...parts].join("_");
  const key = `${name}/${tile}/${lanes}/${tail}`;
  const known = made.get(key);
  if (known) return known;
  const { depth, cols } = panelTiles[tile];
  const left = (["residual", "tail"] as const).filter((part) => !parts.includes(part));
  const own = withoutParts(source, left);
  const { a, b, c, ...scales } = bindingsFor(format);
  const kernel: PanelMatmulKernel = {
    name,
    source: expand(format ? withPackedWords(own, format, 1) : own, {
      LANES: lanes,
      DEPTH: depth,
      PARTS: depth / (4 * lanes),
      COLS: cols,
      TAIL: tail,
      TAIL_PARTS: Math.max(1, tail / (4 * lanes)),
    }),
    params: Object.assign({ ...params }, ...parts.map((part) => kernelParts[part].params)),
    bindings: {
      ...{ a, b, c },
      ...Object.assign({}, ...parts.map((part) => kernelParts[part].bindings)),
      ...scales,
    },
    workgroups: ({ rows, cols: all, height }) =>
      Math.ceil(rows / height) * Math.ceil(all / (cols * lanes)),
  };
  made.set(key, kernel);
  return kernel;
};

// With fewer rows, copying the panel costs more than it saves.
const fewestRows = 48;

/** Whether `adapter` can make a product of `rows` and `depth` with a tile, and gains by it. */
export const fitsPanel = (
  { software, subgroups, subgroupSize }: AdapterFacts,
  name: PanelTileName,
  { rows, depth }: { readonly rows: number; readonly depth: number },
): boolean => {
  const tile = panelTiles[name];
  return software && subgroups && tile.depth % (4 * subgroupSize) === 0 &&
    depth % tile.depth === 0 && rows >= fewestRows;
};

// A deeper panel reads and writes C less often, and takes longer to compile (0.6, 1.2 and 2.3 s for 64, 96
// and 128 values of k): worth it where so many multiplications wait.
const manyProducts = 2 ** 26;
const forMany: ReadonlyArray<PanelTileName> = ["96x8", "128x8", "64x8", "32x8"];
const forFew: ReadonlyArray<PanelTileName> = ["64x8", "32x8"];
// Elements a second beside the tiles of subgroups.
const rates: Readonly<Record<PanelTileName, number>> = {
  "32x8": 1.2,
  "64x8": 1.5,
  "96x8": 1.6,
  "128x8": 1.7,
};

/** The tile for a product, with what it costs: elements of C, padded, by its rate. */
export interface PanelChoice {
  readonly tile: PanelTileName;
  readonly cost: number;
}

/** The best of the tiles that `fit` a product, undefined where none does. */
export const panelTileFor = (
  fit: (tile: PanelTileName) => boolean,
  lanes: number,
  { rows, depth, cols }: Readonly<Record<"rows" | "depth" | "cols", number>>,
): PanelChoice | undefined => {
  const tile = (rows * depth * cols >= manyProducts ? forMany : forFew).find(fit);
  if (!tile) return undefined;
  const width = panelWidth(tile, lanes);
  return { tile, cost: rows * Math.ceil(cols / width) * width / rates[tile] };
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

/** The plan for `rows × depth × cols`, to which something is `added` or not. */
export const planPanels = (
  name: PanelTileName,
  lanes: number,
  { rows, depth, cols }: Readonly<Record<"rows" | "depth" | "cols", number>>,
  added: boolean,
): PanelPlan => {
  const tile = panelTiles[name];
  const wanted = Math.ceil(enoughWorkgroups / Math.ceil(cols / panelWidth(name, lanes)));
  const parts = Math.max(1, Math.min(wanted, Math.floor(rows / fewestRows)));
  const height = Math.min(Math.ceil(rows / parts), mostTurns / 8);
  // Of a panel: its own, those that copy it, and three a row.
  const turns = 1 + tile.depth + tile.depth * tile.cols / 4 + 3 * height;
  const ofTail = longestTail + longestTail * tile.cols / 4 + longestTail * tile.cols;
  const step = Math.max(1, Math.floor((mostTurns - ofTail) / turns)) * tile.depth;
  const apart = added && depth / tile.depth >= manyPanels ? depth - tile.depth : depth;
  const stretches: [number, number][] = [];
  for (let from = 0; from < apart; from += step) {
    stretches.push([from, Math.min(from + step, apart)]);
  }
  if (apart < depth) stretches.push([apart, depth]);
  return { height, stretches };
};
