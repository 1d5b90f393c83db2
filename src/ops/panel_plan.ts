/** Which products are made by panels, how deep, and cut into which workgroups and dispatches. @module */
import type { AdapterFacts } from "../gpu/device.ts";
import { laneCols, longestTail, type PanelDepth, panelWidth } from "./matmul_panel.ts";
import { mostTurns } from "./wide_heads.ts";

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

// Workgroups a core: fewer leave cores idle, and of more each copies the panel again for fewer rows.
const workgroupsPerCore = 2;
// What of `mostTurns` is left for what is not counted here.
const spareTurns = 5_000;

/** The plan for `rows × depth × cols` by panels of `own`. */
export const planPanels = (
  own: PanelDepth,
  { subgroupSize: lanes, cores }: Pick<AdapterFacts, "subgroupSize" | "cores">,
  { rows, depth, cols }: Readonly<Record<"rows" | "depth" | "cols", number>>,
): PanelPlan => {
  const wanted = Math.ceil(workgroupsPerCore * cores / Math.ceil(cols / panelWidth(lanes)));
  const parts = Math.max(1, Math.min(wanted, Math.floor(rows / fewestRows)));
  const height = Math.min(Math.ceil(rows / parts), (mostTurns - spareTurns) / 8);
  // Of a panel: its own, those that copy it, and three a row; of what is added to the last: two a row.
  const turns = 1 + own + own * laneCols / 4 + 3 * height;
  const ofAdded = longestTail * (1 + laneCols / 4 + laneCols) + 2 * height;
  const step = Math.max(1, Math.floor((mostTurns - spareTurns - ofAdded) / turns)) * own;
  const stretches: [number, number][] = [];
  for (let from = 0; from < depth; from += step) {
    stretches.push([from, Math.min(from + step, depth)]);
  }
  return { height, stretches };
};
