/** Matrix products in the three layouts that a linear layer and its backward need. @module */
import { type Pass, reshape, sizeOf, type Tensor } from "../gpu/gpu.ts";
import { assertShape, columns, flat, type Matrix, matrixOf } from "./matrix.ts";
import { additionsTo, depthOf, type Fused, noAdditions } from "./matmul_additions.ts";
import {
  type Configuration,
  configurationFor,
  fitsSubgroups,
  lyingLayouts,
} from "./matmul_configuration.ts";
import {
  anyMatmulKernel,
  type Layout,
  packedMatmulKernels,
  subgroupMatmulKernel,
} from "./matmul_kernels.ts";
import { panelMatmulKernel } from "./matmul_panel.ts";
import type { KernelPart } from "./matmul_parts.ts";
import { sharedMatmulKernel } from "./matmul_shared.ts";
import { type AddedProduct, assertAdded } from "./matmul_tail.ts";
import type { Fours } from "./packed_words.ts";
import { planPanels } from "./panel_plan.ts";
import { exchanged, type Product, productOf } from "./product.ts";
import { accumulate as accumulateInto } from "./residual_add.ts";
import { isPacked, type PackedFormat, type Stored } from "./unpack.ts";

export type { Layout } from "./matmul_kernels.ts";
export type { AddedProduct } from "./matmul_tail.ts";
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

/** Where a product goes, and what is added to it. */
export interface TailedMatmulOptions extends MatmulOptions {
  /**
   * Products of the same layout that are added, each to columns of its own, in the same dispatch where
   * the adapter's kernels can: LoRA's part of a linear layer.
   */
  readonly plus?: ReadonlyArray<AddedProduct>;
  /**
   * `[rows, cols]`, added likewise: the residual stream that a linear layer's output joins. `into` is then
   * a whole tensor.
   */
  readonly residual?: Tensor;
}

/**
 * `a [rows, depth]`, `b [cols, depth]` → `scale · a·bᵀ [rows, cols]`: a linear layer's forward, x·Wᵀ.
 * A packed `b` is read as it is stored, each number as {@linkcode unpackRows} would give it.
 */
export const matmulNT = (
  pass: Pass,
  a: Tensor | Matrix,
  b: Stored | Matrix<Stored>,
  options?: TailedMatmulOptions,
): Tensor => matmul(pass, "NT", a, b, options);

/**
 * `a [rows, depth]`, `b [depth, cols]` → `scale · a·b [rows, cols]`: its input gradient, dY·W. A packed
 * `b` is read as in {@linkcode matmulNT}.
 */
export const matmulNN = (
  pass: Pass,
  a: Tensor | Matrix,
  b: Stored | Matrix<Stored>,
  options?: TailedMatmulOptions,
): Tensor => matmul(pass, "NN", a, b, options);

/** `a [depth, rows]`, `b [depth, cols]` → `scale · aᵀ·b [rows, cols]`: its weight gradient, dYᵀ·X. */
export const matmulTN = (
  pass: Pass,
  a: Tensor | Matrix,
  b: Tensor | Matrix,
  options?: MatmulOptions,
): Tensor => matmul(pass, "TN", a, b, options);

const matmul = (
  pass: Pass,
  layout: Layout,
  left: Tensor | Matrix,
  right: Stored | Matrix<Stored>,
  { into, accumulate = false, scale = 1, plus = [], residual }: TailedMatmulOptions = {},
): Tensor => {
  if (accumulate && !into) throw new RangeError("Expected `into` with `accumulate`");
  const product = productOf(layout, left, right, {
    ...{ scale, accumulate },
    into: into ?? ((shape) => pass.tensor(shape)),
  });
  const { rows, cols, c } = product;
  for (const added of plus) assertAdded(layout, added, rows);
  if (residual) {
    assertShape("residual", [rows, cols], matrixOf(residual));
    assertShape("what a residual is added to", [rows, cols], matrixOf(c.tensor));
  }

  const additions = (residual || plus.length > 0) && fitsSubgroups(pass.adapter, layout, product)
    ? additionsTo({ layout, ...product }, { plus, residual }, pass.adapter)
    : noAdditions;
  const configuration = configurationFor(pass.adapter, layout, product, additions);
  const fused = additions.fusedBy(configuration);
  switch (configuration.kernel) {
    case "subgroup":
      bySubgroups(pass, layout, product, configuration, fused);
      break;
    case "panel":
      byPanels(pass, layout, product, configuration, fused);
      break;
    default:
      byStrides(pass, layout, product, configuration);
  }
  const isFused = (wanted: KernelPart): boolean => fused.some(({ part }) => part === wanted);
  if (residual && !isFused("residual")) accumulateInto(pass, c.tensor, residual);
  for (const { a, b, columns: own, scale = 1 } of isFused("tail") ? [] : plus) {
    matmul(pass, layout, a, b, { into: columns(c, ...own), accumulate: true, scale });
  }
  return c.tensor;
};

const operandsOf = ({ a, b, c, rows, depth, cols, scale, accumulate }: Product) => {
  const { format, ...operandsOfB } = bindingsOf(b.tensor);
  const tensors = { a: flat(a), ...operandsOfB, c: flat(c) };
  const params = {
    ...{ rows, cols, depth, scale },
    aSize: tensors.a.shape[0] ?? 0,
    aOffset: a.offset,
    bSize: tensors.b.shape[0] ?? 0,
    bOffset: b.offset,
    cSize: tensors.c.shape[0] ?? 0,
    cOffset: c.offset,
    cStride: c.stride,
    accumulate: accumulate ? 1 : 0,
  };
  return { format, tensors, params };
};

// With kernels that take any stride.
const byStrides = (
  pass: Pass,
  layout: Layout,
  product: Product,
  configuration: Extract<Configuration, { readonly kernel: "shared" | "direct" }>,
): void => {
  const { a, b } = product;
  const { format, tensors, params } = operandsOf(product);
  const [aRow, aStep] = layout === "TN" ? [1, a.stride] : [a.stride, 1];
  const [bCol, bStep] = layout === "NT" ? [b.stride, 1] : [1, b.stride];
  const direct = format ? packedMatmulKernels[format] : anyMatmulKernel;
  const kernel = configuration.kernel === "shared"
    ? sharedMatmulKernel(configuration.tile, format)
    : direct;
  pass.dispatch(kernel, { ...params, aRow, aStep, bCol, bStep }, tensors);
};

const bySubgroups = (
  pass: Pass,
  layout: Layout,
  product: Product,
  { rows: height, lying }: Extract<Configuration, { readonly kernel: "subgroup" }>,
  fused: ReadonlyArray<Fused>,
): void => {
  const lanes = pass.adapter.subgroupSize;
  const stored = lying ? lyingLayouts[layout] : layout;
  const { a, b, ...rest } = lying ? exchanged(product) : product;
  const { format, tensors, params } = operandsOf({ a, b, ...rest });
  const tile = {
    lanes,
    rows: height,
    fours: stored === "NT" && format === "q8" ? foursFor(height, b) : 1,
    ...format ? { format } : {},
  } as const;
  const told = { ...params, aStride: a.stride, bStride: b.stride, transposed: lying ? 1 : 0 };
  const kernel = subgroupMatmulKernel(stored, tile, fused.map(({ part }) => part));
  pass.dispatch(
    kernel,
    Object.assign(told, ...fused.map(({ params }) => params)),
    Object.assign(tensors, ...fused.map(({ tensors }) => tensors)),
  );
};

// A dispatch a stretch of k, of which the last adds what is added.
const byPanels = (
  pass: Pass,
  layout: Layout,
  product: Product,
  { depth }: Extract<Configuration, { readonly kernel: "panel" }>,
  fused: ReadonlyArray<Fused>,
): void => {
  const lanes = pass.adapter.subgroupSize;
  const { a, b } = product;
  const { format, tensors, params } = operandsOf(product);
  const { height, stretches } = planPanels(depth, pass.adapter, product);
  const transposed = layout === "NT" ? 1 : 0;
  for (const [kBegin, kEnd] of stretches) {
    const added = kEnd === product.depth ? fused : [];
    const parts = added.map(({ part }) => part);
    const told = { ...params, aStride: a.stride, bStride: b.stride, kBegin, kEnd };
    pass.dispatch(
      panelMatmulKernel(depth, { lanes, format, parts, tailDepth: depthOf(added) }),
      Object.assign({ ...told, height, transposed }, ...added.map(({ params }) => params)),
      Object.assign({ ...tensors }, ...added.map(({ tensors }) => tensors)),
    );
  }
};

// How a kernel binds B, in f32 or packed.
const bindingsOf = (
  stored: Stored,
): { readonly b: Tensor; readonly scales?: Tensor; readonly format?: PackedFormat } => {
  if (!isPacked(stored)) return { b: reshape(stored, [sizeOf(stored.shape)]) };
  const { format, words, scales } = stored;
  return { format, b: words, ...scales ? { scales } : {} };
};

// The more bytes a load brings, the fewer loads, while a low tile leaves registers for them.
const foursFor = (tileRows: number, { cols, offset, stride }: Matrix<Stored>): Fours => {
  const wished = tileRows <= 2 ? [4, 2] as const : tileRows <= 8 ? [2] as const : [];
  const fits = (fours: Fours): boolean =>
    [cols, offset, stride].every((count) => count % (4 * fours) === 0);
  return wished.find(fits) ?? 1;
};

/** The product in f64, `[rows, cols]`, of whole `a` and `b`: what the tests compare with. */
export const matmulReference = (
  layout: Layout,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  [rows, depth, cols]: readonly [rows: number, depth: number, cols: number],
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
