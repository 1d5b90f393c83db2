/** The tail of a product: further products that are added to parts of its columns in one dispatch. @module */
import { sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Layout } from "./matmul_kernels.ts";
import { assertShape, type Matrix, matrixOf, spanOf } from "./matrix.ts";
import type { TailPart, TailSize } from "./matmul_parts.ts";

/** A product that is added to columns of another. */
export interface AddedProduct {
  /** `[rows, its own depth]`; of all that are added, windows of one tensor. */
  readonly a: Tensor | Matrix;
  /** Laid out as the other product's B. */
  readonly b: Tensor | Matrix;
  /** Where it is added. */
  readonly columns: readonly [from: number, to: number];
  /** Factor of the product; 1 unless told. */
  readonly scale?: number;
}

/** Throws `GpuError` `ShapeMismatch` where an added product does not go with one of `layout` and `rows`. */
export const assertAdded = (
  layout: Layout,
  { a, b, columns: [from, to] }: AddedProduct,
  rows: number,
): void => {
  const { cols: depth } = matrixOf(a);
  assertShape("a of an added product", [rows, depth], matrixOf(a));
  const shape = layout === "NT" ? [to - from, depth] as const : [depth, to - from] as const;
  assertShape("b of an added product", shape, matrixOf(b));
};

/** What a tailed kernel is told and binds. */
export interface Tail {
  readonly params: Readonly<Record<TailSize, number>>;
  readonly tensors: { readonly t: Tensor; readonly u: Tensor };
  /** The most values of k of a part. */
  readonly depth: number;
  /** Whether every part begins with a tile, where tiles have so many columns. */
  readonly fits: (columns: number) => boolean;
}

// A stretch of columns, with what is added to it.
interface Stretch {
  readonly to: number;
  readonly added?: AddedProduct;
}

const mostStretches = 3;

/**
 * `added` as the tail of a product of `cols` columns; undefined where no kernel can do that: too many parts,
 * operands in several buffers, or numbers that do not come in fours.
 */
export const tailOf = (added: ReadonlyArray<AddedProduct>, cols: number): Tail | undefined => {
  const stretches = stretchesOf(added, cols);
  if (stretches.length > mostStretches) return undefined;
  const t = added.map(({ a }) => matrixOf(a));
  const u = added.map(({ b }) => matrixOf(b));
  const whole = spanOf(u.map(({ tensor }) => tensor));
  const { tensor, stride } = t[0]!;
  if (!whole || t.some((own) => own.tensor !== tensor || own.stride !== stride)) return undefined;
  const inFours = [...t, ...u].every(({ offset, stride }) => offset % 4 === 0 && stride % 4 === 0);
  const depthsFit = t.every(({ cols: depth }) => depth % 4 === 0);
  if (!inFours || !depthsFit) return undefined;
  const tSize = sizeOf(tensor.shape);
  const own = { tSize, tStride: stride, uSize: whole.shape[0]! };
  const [first, second, third] = [0, 1, 2].map((at) =>
    partOf(stretches[at] ?? { to: cols }, whole)
  );
  return {
    params: tailParamsOf(own, first!, second!, third!),
    tensors: { t: { ...tensor, shape: [tSize] }, u: whole },
    depth: Math.max(...t.map(({ cols }) => cols)),
    fits: (columns) =>
      stretches.every(({ to }, i) => to % columns === 0 || i === stretches.length - 1),
  };
};

type Part = Readonly<Record<TailPart, number>>;

const partOf = ({ to, added }: Stretch, whole: Tensor): Part => {
  const a = added && matrixOf(added.a);
  const b = added && matrixOf(added.b);
  return {
    end: to,
    depth: a?.cols ?? 0,
    tOffset: a?.offset ?? 0,
    uOffset: b ? (b.tensor.offset - whole.offset) / 4 + b.offset : 0,
    uStride: b?.stride ?? 0,
    scale: added?.scale ?? 1,
  };
};

// Named one by one: names that are put together cost a step of many products a tenth of the host's time.
const tailParamsOf = (
  own: Readonly<Record<"tSize" | "tStride" | "uSize", number>>,
  first: Part,
  second: Part,
  third: Part,
): Tail["params"] => ({
  ...own,
  end0: first.end,
  depth0: first.depth,
  tOffset0: first.tOffset,
  uOffset0: first.uOffset,
  uStride0: first.uStride,
  scale0: first.scale,
  end1: second.end,
  depth1: second.depth,
  tOffset1: second.tOffset,
  uOffset1: second.uOffset,
  uStride1: second.uStride,
  scale1: second.scale,
  end2: third.end,
  depth2: third.depth,
  tOffset2: third.tOffset,
  uOffset2: third.uOffset,
  uStride2: third.uStride,
  scale2: third.scale,
});

// All columns, those between and behind the added products too.
const stretchesOf = (added: ReadonlyArray<AddedProduct>, cols: number): ReadonlyArray<Stretch> => {
  const stretches: Stretch[] = [];
  let at = 0;
  for (const each of added.toSorted((one, other) => one.columns[0] - other.columns[0])) {
    const [from, to] = each.columns;
    if (from > at) stretches.push({ to: from });
    stretches.push({ to, added: each });
    at = to;
  }
  return at < cols ? [...stretches, { to: cols }] : stretches;
};
