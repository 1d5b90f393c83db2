/** Which kernel makes a product, in what tiles: the built-in table, and what a tuner remembers. @module */
import type { AdapterFacts } from "../gpu/device.ts";
import type { AskedProduct } from "../gpu/tuning.ts";
import { type Layout, tileColumns, type TileLayout } from "./matmul_kernels.ts";
import {
  extentOf,
  memoryOf,
  type SharedTileName,
  sharedTileNames,
  sharedTiles,
} from "./matmul_shared.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { assertShape, type Matrix, matrixOf } from "./matrix.ts";
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
    /** `kernels/matmul_shared.wgsl` */
    readonly kernel: "shared";
    readonly tile: SharedTileName;
  }
  | {
    /** `kernels/matmul.wgsl` */
    readonly kernel: "direct";
  };

/** A product with its operands as they are stored. */
export interface Product {
  readonly rows: number;
  readonly depth: number;
  readonly cols: number;
  readonly a: Matrix;
  readonly b: Matrix<Stored>;
  readonly c: Matrix;
  readonly scale: number;
  readonly accumulate: boolean;
}

/** The product of operands laid out by `layout`. Throws {@linkcode GpuError} where their shapes differ. */
export const productOf = (
  layout: Layout,
  left: Tensor | Matrix,
  right: Stored | Matrix<Stored>,
  { into, scale, accumulate }: Pick<Product, "scale" | "accumulate"> & {
    /** Where the product goes, or what makes that of its shape. */
    readonly into: Tensor | Matrix | ((shape: readonly [number, number]) => Tensor);
  },
): Product => {
  const [a, b] = [matrixOf(left), matrixOf(right)];
  const [rows, depth] = layout === "TN" ? [a.cols, a.rows] : [a.rows, a.cols];
  const cols = layout === "NT" ? b.rows : b.cols;
  assertShape("b", layout === "NT" ? [cols, depth] : [depth, cols], b);
  const c = matrixOf(typeof into === "function" ? into([rows, cols]) : into);
  assertShape("c", [rows, cols], c);
  return { rows, depth, cols, a, b, c, scale, accumulate };
};

/** The same product lying down: Cᵀ = Bᵀ·Aᵀ. */
export const exchanged = (
  { a, b, rows, cols, ...rest }: Product,
): Product & { readonly b: Matrix } => {
  if (isPacked(b.tensor)) throw new Error("matmul: a packed operand cannot be exchanged");
  return { ...rest, a: { ...b, tensor: b.tensor }, b: a, rows: cols, cols: rows };
};

/** What a configuration is called in a file, "subgroup 16 lying". */
export const nameOfConfiguration = (configuration: Configuration): string => {
  switch (configuration.kernel) {
    case "subgroup":
      return `subgroup ${configuration.rows}${configuration.lying ? " lying" : ""}`;
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
    case "shared":
      return fitsShared(adapter, configuration.tile);
    case "direct":
      return true;
  }
};

/**
 * What makes `product`: what the adapter's tuning remembers, where that fits, or else what
 * {@linkcode builtIn} says. A product that is added to in the same dispatch stands upright in the tiles
 * of subgroups.
 */
export const configurationFor = (
  adapter: AdapterFacts,
  layout: Layout,
  product: Product,
  tailed: boolean,
): Configuration => {
  const name = adapter.tuning?.configurationOf(askedOf(layout, product));
  const remembered = name === undefined ? undefined : configurations.get(name);
  if (!remembered || !fits(remembered, adapter, layout, product)) {
    return builtIn(adapter, layout, product, tailed);
  }
  const takesTail = remembered.kernel === "subgroup" && !remembered.lying;
  return tailed && !takesTail ? builtIn(adapter, layout, product, tailed) : remembered;
};

/** The choice without measurements. */
export const builtIn = (
  adapter: AdapterFacts,
  layout: Layout,
  product: Product,
  tailed: boolean,
): Configuration => {
  const { rows, cols, b } = product;
  if (fitsSubgroups(adapter, layout, product)) {
    const lying = !tailed && !isPacked(b.tensor) &&
      computed(lyingLayouts[layout], cols, rows, adapter) < computed(layout, rows, cols, adapter);
    const height = lying ? tileRowsFor(lyingLayouts[layout], cols) : tileRowsFor(layout, rows);
    return { kernel: "subgroup", rows: height, lying };
  }
  // A driver that computes on the CPU gains nothing from memory that threads share.
  const tile = adapter.software ? undefined : sharedTileFor(adapter, rows, cols);
  return tile ? { kernel: "shared", tile } : { kernel: "direct" };
};

/** What a tuning is asked of `product`. */
export const askedOf = (layout: Layout, { rows, depth, cols, b }: Product): AskedProduct => ({
  layout,
  format: isPacked(b.tensor) ? b.tensor.format : "f32",
  ...{ rows, depth, cols },
});

// The subgroup kernels load and store four numbers at a time, along k where a layout stores k along
// its rows; there alone is a depth that is no multiple of four out of their reach.
const fitsSubgroups = (
  { subgroups, subgroupSize }: AdapterFacts,
  layout: Layout,
  { a, b, c }: Product,
): boolean =>
  subgroups && [4, 8, 16, 32, 64].includes(subgroupSize) && c.cols % 4 === 0 &&
  (layout === "TN" || a.cols % 4 === 0) &&
  [a, b, c].every(({ offset, stride }) => offset % 4 === 0 && stride % 4 === 0);

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
