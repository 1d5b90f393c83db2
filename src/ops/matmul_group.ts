/** Several products in one dispatch: LoRA's of q, k and v are smaller than what a dispatch costs. @module */
import type { AdapterFacts, Pass, Tensor } from "../gpu/gpu.ts";
import { matmulNN, type MatmulOptions, matmulTN } from "./matmul.ts";
import { noAdditions } from "./matmul_additions.ts";
import { configurationFor, lyingLayouts } from "./matmul_configuration.ts";
import { subgroupMatmulKernel, type SubgroupTile, tilesOf } from "./matmul_kernels.ts";
import type { GroupedSize } from "./matmul_parts.ts";
import { type Matrix, spanOf } from "./matrix.ts";
import { exchanged, type Product, productOf } from "./product.ts";

/** One product of a group. */
export interface GroupedProduct {
  /** In NN `[rows, depth]`, in TN `[depth, rows]`. */
  readonly a: Tensor | Matrix;
  /** `[depth, cols]`. */
  readonly b: Tensor | Matrix;
  /** Where it goes, `[rows, cols]`: a place of its own. */
  readonly into: Tensor | Matrix;
  /** Factor of the product; 1 unless told. */
  readonly scale?: number;
}

const products = { NN: matmulNN, TN: matmulTN } as const;

/**
 * Each product of `group` into its own place, as `matmulNN` or `matmulTN` makes it: in one dispatch where
 * the adapter's kernels can, that is for two or three products of few columns whose operands are
 * windows of the same buffers. Throws `GpuError` `ShapeMismatch` where operands do not go together.
 */
export const matmulGroup = (
  pass: Pass,
  layout: "NN" | "TN",
  group: ReadonlyArray<GroupedProduct>,
  { accumulate = false }: Pick<MatmulOptions, "accumulate"> = {},
): void => {
  if (isInOne(pass, layout, group, accumulate)) return;
  for (const { a, b, ...options } of group) {
    products[layout](pass, a, b, { ...options, accumulate });
  }
};

// Records the group as one dispatch, where that is possible.
const isInOne = (
  pass: Pass,
  layout: "NN" | "TN",
  group: ReadonlyArray<GroupedProduct>,
  accumulate: boolean,
): boolean => {
  if (group.length < 2 || group.length > 3) return false;
  const upright = group.map(({ a, b, into, scale = 1 }) =>
    productOf(layout, a, b, { into, scale, accumulate })
  );
  const tile = commonTile(pass.adapter, layout, upright);
  if (!tile) return false;
  const lying = upright.map(exchanged);
  const a = spanOf(lying.map(({ a }) => a.tensor));
  const b = spanOf(lying.map(({ b }) => b.tensor));
  const c = spanOf(lying.map(({ c }) => c.tensor));
  if (!a || !b || !c) return false;
  let tiles = 0;
  const own = lying.map((product): GroupedOwn => {
    const firstTile = tiles;
    tiles += tilesOf(tile, product);
    return {
      ...{ rows: product.rows, cols: product.cols, depth: product.depth, scale: product.scale },
      ...{ aOffset: offsetIn(a, product.a), aStride: product.a.stride },
      ...{ bOffset: offsetIn(b, product.b), bStride: product.b.stride },
      ...{ cOffset: offsetIn(c, product.c), cStride: product.c.stride },
      firstTile,
    };
  });
  const [first, second, third] = own as [GroupedOwn, GroupedOwn, GroupedOwn?];
  const params = {
    ...first,
    ...{ aSize: a.shape[0]!, bSize: b.shape[0]!, cSize: c.shape[0]!, tiles },
    ...{ accumulate: accumulate ? 1 : 0, transposed: 1 },
    ...asSecond(second),
    // The tiles of a third product that is not there begin behind the last.
    ...asThird(third ?? { ...second, firstTile: tiles }),
  };
  const kernel = subgroupMatmulKernel(lyingLayouts[layout], tile, ["grouped"]);
  pass.dispatch(kernel, params, { a, b, c });
  return true;
};

type GroupedOwn = Readonly<Record<GroupedSize, number>>;

// Named one by one, as the parts of a tail are: quicker than names that are put together.
const asSecond = (own: GroupedOwn): Readonly<Record<`${GroupedSize}1`, number>> => ({
  rows1: own.rows,
  cols1: own.cols,
  depth1: own.depth,
  aOffset1: own.aOffset,
  aStride1: own.aStride,
  bOffset1: own.bOffset,
  bStride1: own.bStride,
  cOffset1: own.cOffset,
  cStride1: own.cStride,
  scale1: own.scale,
  firstTile1: own.firstTile,
});

const asThird = (own: GroupedOwn): Readonly<Record<`${GroupedSize}2`, number>> => ({
  rows2: own.rows,
  cols2: own.cols,
  depth2: own.depth,
  aOffset2: own.aOffset,
  aStride2: own.aStride,
  bOffset2: own.bOffset,
  bStride2: own.bStride,
  cOffset2: own.cOffset,
  cStride2: own.cStride,
  scale2: own.scale,
  firstTile2: own.firstTile,
});

const offsetIn = (whole: Tensor, { tensor, offset }: Matrix): number =>
  (tensor.offset - whole.offset) / 4 + offset;

// The tile in which each product would lie down by itself.
const commonTile = (
  adapter: AdapterFacts,
  layout: "NN" | "TN",
  group: ReadonlyArray<Product>,
): SubgroupTile | undefined => {
  const heights = group.map((product) => {
    const configuration = configurationFor(adapter, layout, product, noAdditions);
    return configuration.kernel === "subgroup" && configuration.lying ? configuration.rows : 0;
  });
  const [rows = 0] = heights;
  return rows > 0 && heights.every((height) => height === rows)
    ? { lanes: adapter.subgroupSize, rows, fours: 1 }
    : undefined;
};
