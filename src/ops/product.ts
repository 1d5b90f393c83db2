/** A matrix product with its operands as they are stored. @module */
import type { Tensor } from "../gpu/tensor.ts";
import type { AskedProduct } from "../gpu/tuning.ts";
import type { Layout } from "./matmul_kernels.ts";
import { assertShape, type Matrix, matrixOf } from "./matrix.ts";
import { isPacked, type Stored } from "./unpack.ts";

/** C = scale · product of A and B, of `rows × depth × cols`, or added to C. */
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

/** What a tuning is asked of `product`. */
export const askedOf = (layout: Layout, { rows, depth, cols, b }: Product): AskedProduct => ({
  layout,
  format: isPacked(b.tensor) ? b.tensor.format : "f32",
  ...{ rows, depth, cols },
});
