/** Soft-capping: squeezes numbers smoothly between −cap and cap. @module */
import source from "../../kernels/soft_cap.wgsl" with { type: "text" };
import { type Pass, reshape, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/soft_cap.wgsl`. */
export const softCapKernel: Kernel<"x", "size" | "cap"> = {
  name: "soft_cap",
  source,
  params: { size: "u32", cap: "f32" },
  bindings: { x: { access: "inout", shape: ({ size }) => [size] } },
  workgroups: ({ size }) => Math.ceil(size / 256),
};

/**
 * `logits ← cap · tanh(logits / cap)`, of any shape, in place. Throws where `cap` is not above 0. It has
 * no backward: in training the cross-entropy caps its logits itself.
 */
export const softCap = (pass: Pass, logits: Tensor, cap: number): void => {
  if (!(cap > 0)) throw new RangeError(`Expected cap to be above 0 but found ${cap}`);
  const size = sizeOf(logits.shape);
  pass.dispatch(softCapKernel, { size, cap }, { x: reshape(logits, [size]) });
};

/** The same formula in f64. */
export const softCapReference = (logits: ArrayLike<number>, cap: number): Float64Array =>
  Float64Array.from(logits, (value) => cap * Math.tanh(value / cap));
