/** Sets every element of a tensor to one value, in place. @module */
import source from "../../kernels/fill.wgsl" with { type: "text" };
import { type Pass, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/fill.wgsl`. */
export const fillKernel: Kernel<"y", "size" | "bits"> = {
  name: "fill",
  source,
  params: { size: "u32", bits: "u32" },
  bindings: { y: { access: "out", dtype: "u32", shape: ({ size }) => [size] } },
  workgroups: ({ size }) => Math.ceil(size / 256),
};

/** Sets `tensor`, of any shape and element type, to `value`. */
export const fill = (pass: Pass, tensor: Tensor, value: number): void => {
  const size = sizeOf(tensor.shape);
  const bits = tensor.dtype === "u32" ? value : new Uint32Array(Float32Array.of(value).buffer)[0]!;
  pass.dispatch(fillKernel, { size, bits }, { y: { ...tensor, shape: [size], dtype: "u32" } });
};
