/** A GPU on which nothing runs: for finding out what a model would dispatch, in no time and memory. @module */
import { Effect } from "effect";
import type { AdapterFacts } from "./device.ts";
import type { Gpu } from "./gpu.ts";
import type { Pass } from "./pass.ts";
import { type Dtype, sizeOf, type Tensor } from "./tensor.ts";

const tensorOf = (shape: ReadonlyArray<number>, dtype: Dtype = "f32"): Tensor => ({
  buffer: {} as GPUBuffer, // nobody binds it
  offset: 0,
  bytes: Math.max(1, sizeOf(shape)) * 4,
  shape,
  dtype,
});

/**
 * A GPU of `adapter`'s facts whose passes drop what is recorded. Uploads and writes go nowhere; a
 * download is zeros.
 */
export const dryGpu = (adapter: AdapterFacts): Gpu => {
  const pass: Pass = { adapter, tensor: tensorOf, release: () => {}, dispatch: () => {} };
  return {
    adapter,
    upload: (data, shape) =>
      Effect.succeed(tensorOf(shape, data instanceof Uint32Array ? "u32" : "f32")),
    allocate: (shape, dtype) => Effect.succeed(tensorOf(shape, dtype)),
    write: () => Effect.void,
    submit: (record) => Effect.sync(() => record(pass)),
    download: ({ shape }) => Effect.sync(() => new Float32Array(sizeOf(shape))),
    downloadU32: ({ shape }) => Effect.sync(() => new Uint32Array(sizeOf(shape))),
    finish: Effect.void,
    peakBytes: () => 0,
  };
};
