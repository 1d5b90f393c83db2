/** Binding of the product by tiles in workgroup memory, `kernels/matmul_shared.wgsl`. @module */
import sharedSource from "../../kernels/matmul_shared.wgsl" with { type: "text" };
import { expand } from "../gpu/expand.ts";
import { type AnyMatmulKernel, anyMatmulKernel, packedMatmulKernels } from "./matmul_kernels.ts";
import { withPackedElements } from "./packed_words.ts";
import type { PackedFormat } from "./unpack.ts";

/** What the kernel is expanded for. */
export interface SharedTile {
  /** Of a thread's register tile: multiples of 4. */
  readonly rows: number;
  readonly cols: number;
  /** Threads that share a column of the workgroup's tile. */
  readonly rowThreads: number;
  /** Threads that share a row of it. */
  readonly colThreads: number;
  /**
   * Values of k in workgroup memory at once: `rows · depth` is a multiple of `4 · colThreads`, and
   * `cols · depth` of `4 · rowThreads`.
   */
  readonly depth: number;
}

/** A name of {@linkcode sharedTiles}. */
export type SharedTileName = "32x32x16" | "64x64x8" | "64x64x16" | "128x128x8";

/** Tiles by their rows × columns × values of k: of 64, 64, 256 and 256 threads, in 9 KiB at most. */
export const sharedTiles: Readonly<Record<SharedTileName, SharedTile>> = {
  "32x32x16": { rows: 4, cols: 4, rowThreads: 8, colThreads: 8, depth: 16 },
  "64x64x8": { rows: 8, cols: 8, rowThreads: 8, colThreads: 8, depth: 8 },
  "64x64x16": { rows: 4, cols: 4, rowThreads: 16, colThreads: 16, depth: 16 },
  "128x128x8": { rows: 8, cols: 8, rowThreads: 16, colThreads: 16, depth: 8 },
};

/** All of {@linkcode sharedTiles}, from the smallest. */
export const sharedTileNames: ReadonlyArray<SharedTileName> = [
  "32x32x16",
  "64x64x8",
  "64x64x16",
  "128x128x8",
];

/** Rows and columns of the part of C that a workgroup makes. */
export const extentOf = (
  { rows, cols, rowThreads, colThreads }: SharedTile,
): { readonly height: number; readonly width: number } => ({
  height: rows * rowThreads,
  width: cols * colThreads,
});

/** Bytes of workgroup memory. */
export const memoryOf = (tile: SharedTile): number => {
  const { height, width } = extentOf(tile);
  return 4 * tile.depth * (height + 4 + width + 4);
};

const made = new Map<string, AnyMatmulKernel>();

/** The kernel with a tile, expanded once; in q8 it also binds `scales`. */
export const sharedMatmulKernel = (
  name: SharedTileName,
  format?: PackedFormat,
): AnyMatmulKernel => {
  const key = `${name}/${format}`;
  let kernel = made.get(key);
  if (!kernel) made.set(key, kernel = make(sharedTiles[name], format));
  return kernel;
};

const make = (tile: SharedTile, format: PackedFormat | undefined): AnyMatmulKernel => {
  const { height, width } = extentOf(tile);
  const source = expand(sharedSource, {
    ROWS: tile.rows,
    COLS: tile.cols,
    ROW_THREADS: tile.rowThreads,
    COL_THREADS: tile.colThreads,
    DEPTH: tile.depth,
    A_LOADS: tile.rows * tile.depth / (4 * tile.colThreads),
    B_LOADS: tile.cols * tile.depth / (4 * tile.rowThreads),
  });
  return {
    ...format ? packedMatmulKernels[format] : anyMatmulKernel,
    name: `matmul_shared${format ? `_${format}` : ""}`,
    source: format ? withPackedElements(source, format) : source,
    workgroups: ({ rows, cols }) => Math.ceil(rows / height) * Math.ceil(cols / width),
  };
};
