/** How the `_wide` attention kernels share out heads that one thread's registers cannot hold. @module */
import type { Sizes } from "../gpu/expand.ts";
import type { AdapterFacts } from "../gpu/gpu.ts";

/**
 * Lanes of the subgroups whose kernels attend with heads of `headDim`, which they load eight numbers at a
 * time; 0 where none do.
 */
export const subgroupLanes = (
  headDim: number,
  { subgroups, subgroupSize }: Pick<AdapterFacts, "subgroups" | "subgroupSize">,
): number => subgroups && subgroupSize >= 8 && headDim % 8 === 0 ? subgroupSize : 0;

/**
 * Whether heads of `headDim` go to the `_wide` kernels. A kernel that keeps its head in registers is
 * faster while they fit, and takes longer to compile; so more fit where the `lanes` of a subgroup, 0
 * without, share what they load.
 */
export const isWide = (headDim: number, lanes: number): boolean => headDim > (lanes > 0 ? 64 : 32);

/** A workgroup of a `_wide` kernel. */
export interface WideTile {
  /** What the kernel's constants are set to. */
  readonly sizes: Sizes;
  /** Slots, or keys, that the workgroup holds. */
  readonly tile: number;
}

type Software = Pick<AdapterFacts, "software">;

/** Constants of a workgroup that has the columns of a head of `headDim` shared out. */
export const wideColumns = (
  headDim: number,
  { software }: Software,
): Readonly<Record<"HEAD_VECS" | "LANES" | "COLUMNS", number>> => {
  const headVecs = headDim / 4;
  const lanes = software ? 8 : 32;
  return { HEAD_VECS: headVecs, LANES: lanes, COLUMNS: Math.ceil(headVecs / lanes) };
};

/** The tile of a kernel that sums `sums` vectors a row and column: 1, or 2 for dK and dV. */
export const wideTile = (headDim: number, sums: 1 | 2, adapter: Software): WideTile => {
  const columns = wideColumns(headDim, adapter);
  const tile = sums === 2 && columns.COLUMNS > 1 ? 8 : 16;
  return {
    sizes: { ...columns, TILE: tile, GROUPS: tile / 4, BLOCK: 16 * columns.LANES / tile },
    tile,
  };
};

/**
 * Turns that the loops of one thread may take together: Mesa's software driver ends them, silently, after
 * 65,535.
 */
export const mostTurns = 65_000;

/** Throws where a walk over `length` keys or slots would be cut short by {@linkcode mostTurns}. */
export const assertWalk = (length: number, headDim: number, adapter: Software): void => {
  if (!adapter.software) return;
  const { HEAD_VECS, LANES } = wideColumns(headDim, adapter);
  const reach = Math.floor(mostTurns / (HEAD_VECS + 2 * LANES + 1)) * LANES;
  if (length > reach) {
    throw new RangeError(
      `Expected at most ${reach} keys, or queries of a key head, for heads of ${headDim} on a ` +
        `software adapter but found ${length}: use fewer rows a batch`,
    );
  }
};
