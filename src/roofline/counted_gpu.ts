/** Counts what the kernels of a step compute and move, from the shapes that they are given. @module */
import { type Gpu, type Kernel, type Pass, sizeOf, type Tensor } from "../gpu/gpu.ts";

/** What the dispatches of one kernel do in all. */
export interface KernelWork {
  dispatches: number;
  /** Multiply-adds count two; undefined where arithmetic is not what a kernel is about. */
  flops: number | undefined;
  /** Read and written at the least: every operand once. */
  bytes: number;
}

/** What was recorded since the count began. */
export interface Count {
  readonly kernels: Map<string, KernelWork>;
  submissions: number;
}

/** `gpu` that adds to `count` what is recorded with it; `pairs` are those that attention looks at. */
export const countedGpu = (gpu: Gpu, count: Count, pairs: number): Gpu => ({
  ...gpu,
  submit: (record) => {
    count.submissions++;
    return gpu.submit((pass) => record(countedPass(pass, count, pairs)));
  },
});

const countedPass = (pass: Pass, { kernels }: Count, pairs: number): Pass => ({
  ...pass,
  dispatch: (kernel, params, tensors) => {
    pass.dispatch(kernel, params, tensors);
    const { flops, bytes } = workOf(kernel as unknown as AnyKernel, params, tensors, pairs);
    const known = kernels.get(kernel.name);
    kernels.set(kernel.name, {
      dispatches: (known?.dispatches ?? 0) + 1,
      flops: flops === undefined ? known?.flops : (known?.flops ?? 0) + flops,
      bytes: (known?.bytes ?? 0) + bytes,
    });
  },
});

type AnyKernel = Kernel<string, string>;
type Numbers = Readonly<Record<string, number>>;

const workOf = (
  kernel: AnyKernel,
  params: Numbers,
  tensors: Readonly<Record<string, Tensor>>,
  pairs: number,
): { readonly flops: number | undefined; readonly bytes: number } => {
  const { heads, headDim } = params;
  const products = productsOf(params);
  if (products.length > 0) {
    const sum = (of: (product: Sizes) => number): number =>
      products.reduce((total, product) => total + of(product), 0);
    return {
      flops: sum(({ rows, depth, cols }) => 2 * rows * depth * cols),
      bytes: 4 * sum(({ rows, depth, cols, moved }) => rows * depth + depth * cols + moved),
    };
  }
  const bytes = Object.entries(kernel.bindings).reduce(
    (sum, [name, { access }]) =>
      sum + 4 * sizeOf(tensors[name]!.shape) * (access === "inout" ? 2 : 1),
    0,
  );
  if (!kernel.name.startsWith("attention") || heads === undefined || headDim === undefined) {
    return { flops: undefined, bytes };
  }
  return { flops: productsAPair(kernel.name) * headDim * heads * pairs, bytes };
};

// One of the products of a dispatch; `moved` is what it reads and writes of its result.
type Sizes = Readonly<Record<"rows" | "depth" | "cols" | "moved", number>>;

// The products of a dispatch, by its parameters: operands may be windows of larger tensors.
const productsOf = (params: Numbers): ReadonlyArray<Sizes> => {
  const { rows, depth, cols, accumulate, rSize, tiles } = params;
  if (rows === undefined || depth === undefined || cols === undefined) return [];
  const touched = 1 + (accumulate === 1 ? 1 : 0) + (rSize === undefined ? 0 : 1);
  // Of a product by panels, a dispatch may make a stretch of the depth.
  const stretch = params.kEnd === undefined ? depth : params.kEnd - params.kBegin!;
  const own = { rows, depth: stretch, cols, moved: rows * cols * touched };
  const others = [1, 2].filter((at) => tiles !== undefined && params[`firstTile${at}`]! < tiles)
    .map((at) => {
      const [rows, depth, cols] = ["rows", "depth", "cols"].map((name) => params[`${name}${at}`]!);
      return { rows: rows!, depth: depth!, cols: cols!, moved: rows! * cols! * touched };
    });
  // What is added as a tail writes nothing of its own.
  const added = [0, 1, 2].filter((at) => params[`end${at}`] !== undefined).map((at) => {
    const width = params[`end${at}`]! - (at === 0 ? 0 : params[`end${at - 1}`]!);
    return { rows, depth: params[`depth${at}`]!, cols: Math.max(0, width), moved: 0 };
  });
  return [own, ...others, ...added.filter(({ depth }) => depth > 0)];
};

// Two products forward; with the scores computed again three for the query's gradient, four for the
// key's and value's.
const productsAPair = (name: string): number =>
  name.includes("query_gradient") ? 6 : name.includes("key_gradient") ? 8 : 4;
