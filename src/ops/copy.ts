/** Copies a tensor on the GPU. @module */
import source from "../../kernels/copy.wgsl" with { type: "text" };
import { type Pass, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/copy.wgsl`. */
export const copyKernel: Kernel<"x" | "y", "size"> = {
  name: "copy",
  source,
  params: { size: "u32" },
  bindings: {
    x: { access: "in", dtype: "u32", shape: ({ size }) => [size] },
    y: { access: "out", dtype: "u32", shape: ({ size }) => [size] },
  },
  workgroups: ({ size }) => Math.ceil(size / 256),
};

/** A copy of `x`, whatever its shape and element type. */
export const copy = (pass: Pass, x: Tensor): Tensor => {
  const size = sizeOf(x.shape);
  const y = pass.tensor(x.shape, x.dtype);
  const bits = (tensor: Tensor): Tensor => ({ ...tensor, shape: [size], dtype: "u32" });
  pass.dispatch(copyKernel, { size }, { x: bits(x), y: bits(y) });
  return y;
};
