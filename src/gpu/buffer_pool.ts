/** Reuses GPU buffers by size, because the collector does not see their bytes. @module */
import { GpuError } from "./gpu_error.ts";

/** Hands out storage buffers and takes them back. */
export interface BufferPool {
  /** A buffer of at least `bytes`; its content is whatever was there. */
  acquire(bytes: number): GPUBuffer;
  /** Gives `buffer` back for reuse by commands submitted later. */
  release(buffer: GPUBuffer): void;
  /** Bytes held from the device now, in use or waiting. */
  readonly heldBytes: () => number;
  /** The largest number of bytes that were in use at once. */
  readonly peakBytes: () => number;
  /** Frees every buffer. */
  destroy(): void;
}

// Sizes come in steps of an eighth of their power of two, so that batches whose row counts differ
// a little share buffers while at most 12.5 % is wasted.
const sizeClass = (bytes: number): number => {
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(Math.max(bytes, 1))) - 3));
  return Math.ceil(bytes / step) * step;
};

/** An empty pool on `device`; throws {@linkcode GpuError} for a buffer over the limits. */
export const makeBufferPool = (device: GPUDevice): BufferPool => {
  // Those of a size wait in the order in which they were made, the newest first. The oldest is taken:
  // steps that record the same then get the same buffers, and bind groups of before serve again.
  const free = new Map<number, GPUBuffer[]>();
  const ages = new WeakMap<GPUBuffer, number>();
  let made = 0;
  let held = 0;
  let inUse = 0;
  let peak = 0;
  return {
    acquire: (bytes) => {
      const size = sizeClass(bytes);
      const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
      const allowed = Math.min(maxBufferSize, maxStorageBufferBindingSize);
      if (bytes > allowed) {
        const limit = allowed === maxBufferSize ? "maxBufferSize" : "maxStorageBufferBindingSize";
        throw new GpuError({
          reason: {
            _tag: "LimitExceeded",
            what: "A tensor (in bytes)",
            limit,
            allowed,
            actual: bytes,
          },
        });
      }
      inUse += size;
      peak = Math.max(peak, inUse);
      const waiting = free.get(size)?.pop();
      if (waiting) return waiting;
      held += size;
      const buffer = device.createBuffer({
        size: Math.min(size, allowed),
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      });
      ages.set(buffer, made++);
      return buffer;
    },
    release: (buffer) => {
      const size = sizeClass(buffer.size);
      inUse -= size;
      const waiting = free.get(size) ?? [];
      free.set(size, waiting);
      const age = ages.get(buffer)!;
      const before = waiting.findLastIndex((other) => ages.get(other)! > age);
      waiting.splice(before + 1, 0, buffer);
    },
    heldBytes: () => held,
    peakBytes: () => peak,
    destroy: () => {
      for (const buffers of free.values()) for (const buffer of buffers) buffer.destroy();
      free.clear();
    },
  };
};
