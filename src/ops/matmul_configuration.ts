/** Which kernel makes a product, in what tiles: the built-in table, and what a tuner remembers. @module */
import type { AdapterFacts } from "../gpu/device.ts";
import { sizeOf } from "../gpu/tensor.ts";
import { type Layout, tileColumns, type TileLayout } from "./matmul_kernels.ts";
import {
  extentOf,
  memoryOf,
  type SharedTileName,
  sharedTileNames,
  sharedTiles,
} from "./matmul_shared.ts";
import { type PanelDepth, panelDepths } from "./matmul_panel.ts";
import type { Additions } from "./matmul_additions.ts";
import type { Matrix } from "./matrix.ts";
import { fitsPanel, panelsFor } from "./panel_plan.ts";
import { askedOf, type Product } from "./product.ts";
import { isPacked, type Stored } from "./unpack.ts";

/** Rows of a lane's register tile. */
export type TileRows = 1 | 2 | 4 | 8 | 16;

/** A kernel for a product, with its tiles. All give the same sums, each in the order of k. */
export type Configuration =
  | {
    /** `kernels/matmul_{nt,nn,tn,tt}.wgsl` */
    readonly kernel: "subgroup";
    readonly rows: TileRows;
    /** Makes Cᵀ of the operands exchanged, so that the columns of C are the rows of the tiles. */
    readonly lying: boolean;
  }
  | {
    /** `kernels/matmul_panel.wgsl` */
    readonly kernel: "panel";
    readonly depth: PanelDepth;
  }
  | {
    /** `kernels/matmul_shared.wgsl` */
    readonly kernel: "shared";
    readonly tile: SharedTileName;
  }
  | {
    /** `kernels/matmul.wgsl` */
    readonly kernel: "direct";
  };

/** What a configuration is called in a file, "subgroup 16 lying". */
export const nameOfConfiguration = (configuration: Configuration): string => {
  switch (configuration.kernel) {
    case "subgroup":
      return `subgroup ${configuration.rows}${configuration.lying ? " lying" : ""}`;
    case "panel":
      return `panel ${configuration.depth}`;
    case "shared":
      return `shared ${configuration.tile}`;
    case "direct":
      return "direct";
  }
};

const heights = [1, 2, 4, 8, 16] as const;

const every: ReadonlyArray<Configuration> = [
  ...heights.map((rows) => ({ kernel: "subgroup", rows, lying: false }) as const),
  // Cᵀ is stored four rows at a time.
  ...([4, 8, 16] as const).map((rows) => ({ kernel: "subgroup", rows, lying: true }) as const),
  ...panelDepths.map((depth) => ({ kernel: "panel", depth }) as const),
  ...sharedTileNames.map((tile) => ({ kernel: "shared", tile }) as const),
  { kernel: "direct" },
];

/** Every configuration by its name. */
export const configurations: ReadonlyMap<string, Configuration> = new Map(
  every.map((configuration) => [nameOfConfiguration(configuration), configuration]),
);

/** The layout of the kernel that makes a product of `layout` lying down. */
export const lyingLayouts: Readonly<Record<Layout, TileLayout>> = { NT: "NT", NN: "TT", TN: "TN" };

/** Whether `configuration` can make `product` on an adapter. */
export const fits = (
  configuration: Configuration,
  adapter: AdapterFacts,
  layout: Layout,
  product: Product,
): boolean => {
  switch (configuration.kernel) {
    case "subgroup": {
      const { rows, lying } = configuration;
      const stored = lying ? lyingLayouts[layout] : layout;
      return fitsSubgroups(adapter, layout, product) && rows >= lowestTile(stored) &&
        !(lying && isPacked(product.b.tensor));
    }
    case "panel":
      return fitsPanels(adapter, configuration.depth, layout, product);
    case "shared":
      return fitsShared(adapter, configuration.tile);
    case "direct":
      return true;
  }
};

/**
 * What makes `product`: what the adapter's tuning remembers, where that fits, or else what
 * {@linkcode builtIn} says. A product that is added to in the same dispatch stands upright in the tiles
 * of subgroups, or is made by panels.
 */
export const configurationFor = (
  adapter: AdapterFacts,
  layout: Layout,
  product: Product,
  additions: Additions,
): Configuration => {
  const name = adapter.tuning?.configurationOf(askedOf(layout, product));
  const remembered = name === undefined ? undefined : configurations.get(name);
  return remembered && fits(remembered, adapter, layout, product) &&
      takes(remembered, additions)
    ? remembered
    : builtIn(adapter, layout, product, additions);
};

const takes = (configuration: Configuration, { any, fitPanels }: Additions): boolean => {
  if (!any) return true;
  switch (configuration.kernel) {
    case "panel":
      return fitPanels;
    case "subgroup":
      return !configuration.lying;
    default:
      return false;
  }
};

/** The choice without measurements. */
export const builtIn = (
  adapter: AdapterFacts,
  layout: Layout,
  product: Product,
  additions: Additions,
): Configuration => {
  const { rows, cols, b } = product;
  if (fitsSubgroups(adapter, layout, product)) {
    const upright = computed(layout, rows, cols, adapter);
    const across = additions.any || isPacked(b.tensor)
      ? Infinity
      : computed(lyingLayouts[layout], cols, rows, adapter);
    const fit = (depth: PanelDepth): boolean => fitsPanels(adapter, depth, layout, product);
    const panels = additions.fitPanels ? panelsFor(fit, adapter.subgroupSize, product) : undefined;
    if (panels && panels.cost < Math.min(upright, across)) {
      return { kernel: "panel", depth: panels.depth };
    }
    const lying = across < upright;
    const height = lying ? tileRowsFor(lyingLayouts[layout], cols) : tileRowsFor(layout, rows);
    return { kernel: "subgroup", rows: height, lying };
  }
  // A driver that computes on the CPU gains nothing from memory that threads share.
  const tile = adapter.software ? undefined : sharedTileFor(adapter, rows, cols);
  return tile ? { kernel: "shared", tile } : { kernel: "direct" };
};

/**
 * Whether the kernels of subgroups can make `product`. They load and store four numbers at a time, along k
 * where a layout stores k along its rows; there alone is a depth that is no multiple of four out of
 * their reach.
 */
export const fitsSubgroups = (
  { subgroups, subgroupSize }: AdapterFacts,
  layout: Layout,
  { a, b, c }: Product,
): boolean =>
  subgroups && [4, 8, 16, 32, 64].includes(subgroupSize) && c.cols % 4 === 0 &&
  (layout === "TN" || a.cols % 4 === 0) &&
  [a, b, c].every(({ offset, stride }) => offset % 4 === 0 && stride % 4 === 0);

// Panels begin with zeros, go on from what C holds as their own, and move eight numbers at a time.
const fitsPanels = (
  adapter: AdapterFacts,
  depth: PanelDepth,
  layout: Layout,
  product: Product,
): boolean =>
  layout !== "TN" && !product.accumulate && fitsSubgroups(adapter, layout, product) &&
  [product.a, product.b, product.c].every(isInEights) && fitsPanel(adapter, depth, product);

const isInEights = ({ tensor, cols, offset, stride }: Matrix<Stored>): boolean =>
  [sizeOf(tensor.shape), cols, offset, stride].every((count) => count % 8 === 0);

const lowestTile = (layout: TileLayout): TileRows => layout === "TN" || layout === "TT" ? 4 : 1;

// A higher tile loads less for the same arithmetic, until its sums leave the registers. Where rows are
// few, as in generation, it computes what nobody reads.
const tileRowsFor = (layout: TileLayout, rows: number): TileRows =>
  heights.find((height) => rows <= height && height >= lowestTile(layout)) ?? 16;

// A product of few columns, as LoRA's are, leaves most lanes of its tiles without one: lying down, it
// computes fewer elements that nobody reads.
const computed = (
  layout: TileLayout,
  rows: number,
  cols: number,
  { subgroupSize }: AdapterFacts,
): number => {
  const [height, width] = [tileRowsFor(layout, rows), tileColumns(subgroupSize)];
  return Math.ceil(rows / height) * height * Math.ceil(cols / width) * width;
};

const fitsShared = ({ limits }: AdapterFacts, name: SharedTileName): boolean => {
  const { rowThreads, colThreads } = sharedTiles[name];
  const threads = rowThreads * colThreads;
  return threads <= limits.maxComputeInvocationsPerWorkgroup &&
    threads <= limits.maxComputeWorkgroupSizeX &&
    memoryOf(sharedTiles[name]) <= limits.maxComputeWorkgroupStorageSize;
};

// Tiles of which a product should have so many that no part of a GPU is idle.
const enoughTiles = 64;

// A larger tile loads less for the same arithmetic; where it leaves too few workgroups, a smaller one.
const sharedTileFor = (
  adapter: AdapterFacts,
  rows: number,
  cols: number,
): SharedTileName | undefined => {
  const fitting = sharedTileNames.filter((name) => fitsShared(adapter, name));
  const tiles = (name: SharedTileName): number => {
    const { height, width } = extentOf(sharedTiles[name]);
    return Math.ceil(rows / height) * Math.ceil(cols / width);
  };
  return fitting.findLast((name) => tiles(name) >= enoughTiles) ?? fitting[0];
};
