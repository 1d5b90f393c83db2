/** Matrix products in the three layouts that a linear layer and its backward need. @module */
import anySource from "../../kernels/matmul.wgsl" with { type: "text" };
import { expand } from "../gpu/expand.ts";
import { GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { flat, type Matrix, matrixOf } from "./matrix.ts";

export { columns, type Matrix, rowsOf } from "./matrix.ts";

/** Where a product goes. */
export interface MatmulOptions {
  /** Written instead of a new tensor. Its buffer may not be that of an input: WebGPU refuses that. */
  readonly into?: Tensor | Matrix;
  /** Add to what `into` holds instead of overwriting it. */
  readonly accumulate?: boolean;
  /** Factor of the product; 1 unless told. */
  readonly scale?: number;
}

type MatmulParams =
  | "rows"
  | "cols"
  | "depth"
  | `a${"Size" | "Offset" | "Row" | "Step"}`
  | `b${"Size" | "Offset" | "Col" | "Step"}`
  | `c${"Size" | "Offset" | "Row"}`
  | "scale"
  | "accumulate";

/** Binding of `kernels/matmul.wgsl`. */
export const matmulKernel: Kernel<"a" | "b" | "c", MatmulParams> = {
  name: "matmul",
  source: expand(anySource),
  params: {
    rows: "u32",
    cols: "u32",
    depth: "u32",
    aSize: "u32",
    aOffset: "u32",
    aRow: "u32",
    aStep: "u32",
    bSize: "u32",
    bOffset: "u32",
    bCol: "u32",
    bStep: "u32",
    cSize: "u32",
    cOffset: "u32",
    cRow: "u32",
    scale: "f32",
    accumulate: "u32",
  },
  bindings: {
    a: { access: "in", shape: ({ aSize }) => [aSize] },
    b: { access: "in", shape: ({ bSize }) => [bSize] },
    c: { access: "inout", shape: ({ cSize }) => [cSize] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(Math.ceil(rows / 8) * Math.ceil(cols / 8) / 32),
};

/** Which operand is stored transposed: N as it is, T transposed. */
export type Layout = "NT" | "NN" | "TN";

const matmul = (
  pass: Pass,
  layout: Layout,
  left: Tensor | Matrix,
  right: Tensor | Matrix,
  { into, accumulate = false, scale = 1 }: MatmulOptions = {},
): Tensor => {
  const [a, b] = [matrixOf(left), matrixOf(right)];
  const [rows, depth] = layout === "TN" ? [a.cols, a.rows] : [a.rows, a.cols];
  const cols = layout === "NT" ? b.rows : b.cols;
  assertShape("b", layout === "NT" ? [cols, depth] : [depth, cols], b);
  if (accumulate && !into) throw new RangeError("Expected `into` with `accumulate`");
  const c = matrixOf(into ?? pass.tensor([rows, cols]));
  assertShape("c", [rows, cols], c);
  const [onA, onB, onC] = [flat(a), flat(b), flat(c)];
  const params = {
    rows,
    cols,
    depth,
    aSize: onA.shape[0] ?? 0,
    aOffset: a.offset,
    aRow: layout === "TN" ? 1 : a.stride,
    aStep: layout === "TN" ? a.stride : 1,
    bSize: onB.shape[0] ?? 0,
    bOffset: b.offset,
    bCol: layout === "NT" ? b.stride : 1,
    bStep: layout === "NT" ? 1 : b.stride,
    cSize: onC.shape[0] ?? 0,
    cOffset: c.offset,
    cRow: c.stride,
    scale,
    accumulate: accumulate ? 1 : 0,
  };
  pass.dispatch(matmulKernel, params, { a: onA, b: onB, c: onC });
  return c.tensor;
};

const assertShape = (binding: string, expected: readonly [number, number], found: Matrix): void => {
  const actual = [found.rows, found.cols];
  if (actual[0] === expected[0] && actual[1] === expected[1]) return;
  throw new GpuError({
    reason: { _tag: "ShapeMismatch", kernel: "matmul", binding, expected, actual },
  });
};

/** `a [rows, depth]`, `b [cols, depth]` → `scale · a·bᵀ [rows, cols]`: a linear layer's forward, x·Wᵀ. */
export const matmulNT = (
  pass: Pass,
  a: Tensor | Matrix,
  b: Tensor | Matrix,
  options?: MatmulOptions,
): Tensor => matmul(pass, "NT", a, b, options);

/** `a [rows, depth]`, `b [depth, cols]` → `scale · a·b [rows, cols]`: its input gradient, dY·W. */
export const matmulNN = (
  pass: Pass,
  a: Tensor | Matrix,
  b: Tensor | Matrix,
  options?: MatmulOptions,
): Tensor => matmul(pass, "NN", a, b, options);

/** `a [depth, rows]`, `b [depth, cols]` → `scale · aᵀ·b [rows, cols]`: its weight gradient, dYᵀ·X. */
export const matmulTN = (
  pass: Pass,
  a: Tensor | Matrix,
  b: Tensor | Matrix,
  options?: MatmulOptions,
): Tensor => matmul(pass, "TN", a, b, options);

/** `rows · cols` sums in f64 of `a(row, k) · b(k, col)`: what the tests compare with. */
export const matmulReference = (
  layout: Layout,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  [rows, depth, cols]: readonly [number, number, number],
): Float64Array => {
  const c = new Float64Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) {
        const x = a[layout === "TN" ? k * rows + row : row * depth + k]!;
        const y = b[layout === "NT" ? col * depth + k : k * cols + col]!;
        sum += x * y;
      }
      c[row * cols + col] = sum;
    }
  }
  return c;
};
