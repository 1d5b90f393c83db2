/** Copies a matrix into columns of a wider one. @module */
import source from "../../kernels/place_columns.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/place_columns.wgsl`. */
export const placeColumnsKernel: Kernel<"x" | "y", "rows" | "cols" | "width" | "first"> = {
  name: "place_columns",
  source,
  params: { rows: "u32", cols: "u32", width: "u32", first: "u32" },
  bindings: {
    x: { access: "in", shape: ({ rows, cols }) => [rows, cols] },
    y: { access: "inout", shape: ({ rows, width }) => [rows, width] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
};

/** `x [rows, cols]` → columns `[first, first + cols)` of `y [rows, width]`; the others stay. */
export const placeColumns = (pass: Pass, x: Tensor, y: Tensor, first: number): void => {
  const [rows = 0, cols = 0] = x.shape;
  const [, width = 0] = y.shape;
  if (first + cols > width) {
    throw new RangeError(`Expected columns within ${width} but found [${first}, ${first + cols})`);
  }
  pass.dispatch(placeColumnsKernel, { rows, cols, width, first }, { x, y });
};
