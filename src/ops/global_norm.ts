/** The Euclidean norm of all gradients together, for clipping and for the log. @module */
import finishSource from "../../kernels/global_norm_finish.wgsl" with { type: "text" };
import source from "../../kernels/global_norm.wgsl" with { type: "text" };
import { type Pass, reshape, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { withRowThreads } from "./row_threads.ts";

const block = 8192;

/** Binding of `kernels/global_norm.wgsl`. */
export const globalNormKernel: Kernel<"gradient" | "partial", "size" | "parts" | "at"> = {
  name: "global_norm",
  source,
  params: { size: "u32", parts: "u32", at: "u32" },
  bindings: {
    gradient: { access: "in", shape: ({ size }) => [size] },
    partial: { access: "inout", shape: ({ parts }) => [parts] },
  },
  workgroups: ({ size }) => Math.ceil(size / block),
};

/** Binding of `kernels/global_norm_finish.wgsl`. */
export const globalNormFinishKernel: Kernel<"partial" | "norm", "parts"> = {
  name: "global_norm_finish",
  source: finishSource,
  params: { parts: "u32" },
  bindings: {
    partial: { access: "in", shape: ({ parts }) => [parts] },
    norm: { access: "out", shape: () => [1] },
  },
  workgroups: () => 1,
};

/** `gradients` of any shapes → `norm [1]` = √Σ g² over all of them; written to `into` when given. */
export const globalNorm = (
  pass: Pass,
  gradients: ReadonlyArray<Tensor>,
  into?: Tensor,
): Tensor => {
  const norm = into ?? pass.tensor([1]);
  const blocks = gradients.map(({ shape }) => Math.ceil(sizeOf(shape) / block));
  const parts = blocks.reduce((sum, count) => sum + count, 0);
  const partial = pass.tensor([parts]);
  const kernel = withRowThreads(globalNormKernel, pass.adapter, block);
  let at = 0;
  for (const [index, tensor] of gradients.entries()) {
    const size = sizeOf(tensor.shape);
    pass.dispatch(kernel, { size, parts, at }, { gradient: reshape(tensor, [size]), partial });
    at += blocks[index]!;
  }
  const finish = withRowThreads(globalNormFinishKernel, pass.adapter, parts);
  pass.dispatch(finish, { parts }, { partial, norm });
  pass.release(partial);
  return norm;
};

/** √Σ g² in f64. */
export const globalNormReference = (gradients: ReadonlyArray<ArrayLike<number>>): number => {
  let sum = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) sum += gradient[i]! ** 2;
  }
  return Math.sqrt(sum);
};
