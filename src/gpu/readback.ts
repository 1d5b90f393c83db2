/** Copies tensors back to the host. @module */
import { sizeOf, type Tensor } from "./tensor.ts";

/** Reads through buffers that the host may map. */
export interface Readback {
  /** Waits for everything submitted, and gives the bytes of `tensor`. Rejects where the device is lost. */
  read(tensor: Tensor): Promise<ArrayBuffer>;
  /** Waits until no mapping is under way. */
  readonly settled: () => Promise<void>;
  readonly destroy: () => void;
}

const smallest = 65_536;

// Lets signals, timers and reports of errors come in. Browsers, which lack the call, map later anyway.
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else resolve();
  });

/** A readback from `device`. */
export const makeReadback = (device: GPUDevice): Readback => {
  // Deno waits for the device inside the call of mapAsync, and lets 10 ms pass before it resolves: what
  // it maps can be read at once. Only a buffer that was never mapped must wait, or the process ends.
  const mappedBefore = new WeakSet<GPUBuffer>();
  const mappings = new Set<Promise<void>>();
  let spare: GPUBuffer | undefined;

  const take = (bytes: number): GPUBuffer => {
    const taken = spare;
    spare = undefined;
    if (taken && taken.size >= bytes) return taken;
    taken?.destroy();
    return device.createBuffer({
      size: Math.max(smallest, bytes),
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
  };

  const giveBack = (buffer: GPUBuffer): void => {
    if (spare) buffer.destroy(); // of a read that ran beside this one
    else spare = buffer;
  };

  const bytesOf = async (buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> => {
    const mapping = buffer.mapAsync(GPUMapMode.READ, 0, bytes);
    const forget = (): void => void mappings.delete(mapping);
    mappings.add(mapping);
    mapping.then(forget, forget);
    if (!mappedBefore.has(buffer)) await mapping;
    mappedBefore.add(buffer);
    await turn();
    try {
      return buffer.getMappedRange(0, bytes).slice(0);
    } catch {
      await mapping; // a runtime that maps later, or why there is nothing to read
      return buffer.getMappedRange(0, bytes).slice(0);
    }
  };

  return {
    read: async (tensor) => {
      const bytes = sizeOf(tensor.shape) * 4;
      const buffer = take(bytes);
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(tensor.buffer, tensor.offset, buffer, 0, bytes);
      device.queue.submit([encoder.finish()]);
      try {
        const copy = await bytesOf(buffer, bytes);
        buffer.unmap();
        giveBack(buffer);
        return copy;
      } catch (cause) {
        buffer.destroy();
        throw cause;
      }
    },
    settled: async () => {
      await Promise.allSettled(mappings);
    },
    destroy: () => spare?.destroy(),
  };
};
