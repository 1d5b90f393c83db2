/** Reuses GPU buffers by size, because the collector does not see their bytes. @module */
import { type FreeBuffers, makeFreeBuffers, type PooledBuffer, sizeClass } from "./free_buffers.ts";
import { GpuError } from "./gpu_error.ts";

/** Hands out storage buffers and takes them back. */
export interface BufferPool {
  /** A buffer of at least `bytes`; its content is whatever was there. */
  acquire(bytes: number): GPUBuffer;
  /** Gives `buffer` back for reuse: all commands that name it have been submitted, or never will be. */
  release(buffer: GPUBuffer): void;
  /** None yet, for buffers of this pool that their holder keeps to itself for a while. */
  readonly makeFree: () => FreeBuffers;
  /** Bytes held from the device now, in use or waiting. */
  readonly heldBytes: () => number;
  /** The largest number of bytes that were held at once. */
  readonly peakBytes: () => number;
  /** Frees every buffer. */
  destroy(): void;
}

/** An empty pool on `device`; throws {@linkcode GpuError} for a buffer over the limits. */
export const makeBufferPool = (device: GPUDevice): BufferPool => {
  const pooled = new WeakMap<GPUBuffer, PooledBuffer>();
  const makeFree = (): FreeBuffers => makeFreeBuffers((buffer) => pooled.get(buffer)!);
  const free = makeFree();
  let made = 0;
  let held = 0;
  let peakHeld = 0;
  let inUse = 0;
  let peakInUse = 0;

  // Batches of many lengths ask for buffers of many sizes. What waits for its size to be asked for again
  // is let go before more is held than was ever in use at once.
  const make = (size: number): GPUBuffer => {
    while (held + size > Math.max(peakInUse, inUse + size)) {
      const stalest = free.takeStalest();
      if (!stalest) break;
      held -= stalest.size;
      stalest.destroy();
    }
    const buffer = device.createBuffer({
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    pooled.set(buffer, { buffer, age: made++, size: sizeClass(size) });
    held += size;
    peakHeld = Math.max(peakHeld, held);
    return buffer;
  };

  return {
    acquire: (bytes) => {
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
      const buffer = free.take(bytes) ?? make(Math.min(sizeClass(bytes), allowed));
      inUse += buffer.size;
      peakInUse = Math.max(peakInUse, inUse);
      return buffer;
    },
    release: (buffer) => {
      inUse -= buffer.size;
      free.add(buffer);
    },
    makeFree,
    heldBytes: () => held,
    peakBytes: () => peakHeld,
    destroy: () => {
      for (const buffer of free.drain()) buffer.destroy();
    },
  };
};
