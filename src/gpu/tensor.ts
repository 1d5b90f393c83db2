/** A tensor: a window of GPU memory with a shape and an element type. @module */

/** Element types a kernel can bind; each takes four bytes. */
export type Dtype = "f32" | "u32";

/** Row-major numbers on the GPU. A window: several tensors may share one buffer. */
export interface Tensor {
  readonly buffer: GPUBuffer;
  /** Where the window starts, in bytes; a multiple of 256. */
  readonly offset: number;
  /** How long the window is, in bytes; at least four times the number of elements. */
  readonly bytes: number;
  readonly shape: ReadonlyArray<number>;
  readonly dtype: Dtype;
}

/** Number of elements in `shape`. */
export const sizeOf = (shape: ReadonlyArray<number>): number =>
  shape.reduce((size, length) => size * length, 1);

/** The same memory read with another shape of the same size. */
export const reshape = (tensor: Tensor, shape: ReadonlyArray<number>): Tensor => {
  if (sizeOf(shape) !== sizeOf(tensor.shape)) {
    throw new RangeError(`Expected [${shape}] to have as many elements as [${tensor.shape}]`);
  }
  return { ...tensor, shape };
};
