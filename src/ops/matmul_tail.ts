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
}

// A stretch of columns, with what is added to it.
interface Stretch {
  readonly to: number;
  readonly added?: AddedProduct;
}

const mostStretches = 3;

/**
 * `added` as the tail of a product of `cols` columns in tiles of `tile` columns; undefined where a kernel
 * cannot do that: too many parts, a part that does not begin with a tile, operands in several
 * buffers, or numbers that do not come in fours.
 */
export const tailOf = (
  added: ReadonlyArray<AddedProduct>,
  cols: number,
  tile: number,
): Tail | undefined => {
  const stretches = stretchesOf(added, cols);
  const tiled = stretches.every(({ to }, i) => to % tile === 0 || i === stretches.length - 1);
  if (stretches.length > mostStretches || !tiled) return undefined;
  const t = added.map(({ a }) => matrixOf(a));
  const u = added.map(({ b }) => matrixOf(b));
  const whole = spanOf(u.map(({ tensor }) => tensor));
  const { tensor, stride } = t[0]!;
  if (!whole || t.some((own) => own.tensor !== tensor || own.stride !== stride)) return undefined;
  const inFours = [...t, ...u].every(({ offset, stride }) => offset % 4 === 0 && stride % 4 === 0);
  const depthsFit = t.every(({ cols: depth }) => depth % 4 === 0);
  if (!inFours || !depthsFit) return undefined;
  const tSize = sizeOf(tensor.shape);
  const uSize = whole.shape[0]!;
  return {
    params: {
      ...{ tSize, tStride: stride, uSize },
      ...partParams(0, stretches[0]!, whole),
      ...partParams(1, stretches[1] ?? { to: cols }, whole),
      ...partParams(2, stretches[2] ?? { to: cols }, whole),
    },
    tensors: { t: { ...tensor, shape: [tSize] }, u: whole },
    depth: Math.max(...t.map(({ cols }) => cols)),
  };
};

const partParams = <const P extends 0 | 1 | 2>(
  part: P,
  { to, added }: Stretch,
  whole: Tensor,
): Readonly<Record<`${TailPart}${P}`, number>> => {
  const a = added && matrixOf(added.a);
  const b = added && matrixOf(added.b);
  const start = b ? (b.tensor.offset - whole.offset) / 4 + b.offset : 0;
  return {
    [`end${part}`]: to,
    [`depth${part}`]: a?.cols ?? 0,
    [`tOffset${part}`]: a?.offset ?? 0,
    [`uOffset${part}`]: start,
    [`uStride${part}`]: b?.stride ?? 0,
    [`scale${part}`]: added?.scale ?? 1,
  } as Readonly<Record<`${TailPart}${P}`, number>>;
};

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
