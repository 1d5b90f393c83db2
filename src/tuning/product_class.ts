/** Products that share one measurement. @module */
import type { AskedProduct } from "../gpu/tuning.ts";

// Past this an axis has so many tiles that more of them change nothing.
const longest = 4096;

const sizes = [1, 2, 4, 8, 16, 64, 256, 1024, longest] as const;

const sizeFor = (length: number): number => sizes.find((size) => length <= size) ?? longest;

/**
 * The class of `product`, "NT bf16 64x256x4096" for rows × depth × columns. An axis counts as the next
 * of 1, 2, 4, 8 and 16, the heights of tiles, and from there of 64, 256, 1024 and 4096: beyond a tile
 * what matters is whether tiles are few or many, and a factor of four moves the best choice seldom by
 * more than one step, while classes by powers of two would take several times as long to measure.
 * "odd" is a product whose numbers do not come in fours, which fewer kernels can make.
 */
export const classOf = ({ layout, format, rows, depth, cols }: AskedProduct): string =>
  `${layout} ${format} ${sizeFor(rows)}x${sizeFor(depth)}x${sizeFor(cols)}` +
  (cols % 4 === 0 && (layout === "TN" || depth % 4 === 0) ? "" : " odd");
