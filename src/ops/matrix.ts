/** Matrices as windows of tensors, so that a product can read or write part of one. @module */
import { GpuError, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Stored } from "./unpack.ts";

/** `rows × cols` numbers of `tensor`: row `i` starts at element `offset + i · stride`. */
export interface Matrix<T extends Stored = Tensor> {
  readonly tensor: T;
  readonly rows: number;
  readonly cols: number;
  readonly offset: number;
  readonly stride: number;
}

/** A whole `[rows, cols]` tensor as a matrix; a matrix is returned as it is. */
export const matrixOf = <T extends Stored = Tensor>(from: T | Matrix<T>): Matrix<T> => {
  if ("tensor" in from) return from;
  const [rows = 1, cols = 1] = from.shape;
  if (from.shape.length !== 2) {
    throw new RangeError(`Expected a tensor of two axes but found [${from.shape}]`);
  }
  return { tensor: from, rows, cols, offset: 0, stride: cols };
};

const assertWithin = (from: number, to: number, length: number, what: string): void => {
  if (!(0 <= from && from <= to && to <= length)) {
    throw new RangeError(`Expected ${what} within [0, ${length}) but found [${from}, ${to})`);
  }
};

/** Columns `[from, to)`, in place. */
export const columns = <T extends Stored = Tensor>(
  of: T | Matrix<T>,
  from: number,
  to: number,
): Matrix<T> => {
  const matrix = matrixOf(of);
  assertWithin(from, to, matrix.cols, "columns");
  return { ...matrix, cols: to - from, offset: matrix.offset + from };
};

/** Rows `[from, to)`, in place. */
export const rowsOf = <T extends Stored = Tensor>(
  of: T | Matrix<T>,
  from: number,
  to: number,
): Matrix<T> => {
  const matrix = matrixOf(of);
  assertWithin(from, to, matrix.rows, "rows");
  return { ...matrix, rows: to - from, offset: matrix.offset + from * matrix.stride };
};

/** Its tensor with one axis: what a kernel that computes its own positions binds. */
export const flat = ({ tensor }: Matrix): Tensor => ({ ...tensor, shape: [sizeOf(tensor.shape)] });

/** The window that holds `tensors`, with one axis; undefined where they lie in several buffers. */
export const spanOf = (tensors: ReadonlyArray<Tensor>): Tensor | undefined => {
  const { buffer, dtype } = tensors[0]!;
  if (tensors.some((tensor) => tensor.buffer !== buffer)) return undefined;
  const offset = Math.min(...tensors.map((tensor) => tensor.offset));
  const bytes = Math.max(...tensors.map((tensor) => tensor.offset + tensor.bytes)) - offset;
  return { buffer, offset, bytes, shape: [bytes / 4], dtype };
};

/** Throws {@linkcode GpuError} `ShapeMismatch` where an operand of a product is not as the others need it. */
export const assertShape = (
  binding: string,
  expected: readonly [rows: number, cols: number],
  found: Matrix<Stored>,
): void => {
  const actual = [found.rows, found.cols];
  if (actual[0] === expected[0] && actual[1] === expected[1]) return;
  throw new GpuError({
    reason: { _tag: "ShapeMismatch", kernel: "matmul", binding, expected, actual },
  });
};
