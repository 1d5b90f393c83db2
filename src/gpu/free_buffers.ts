/** Buffers out of use, found again by size. @module */

/** Buffers that wait for commands recorded later. */
export interface FreeBuffers {
  add(buffer: GPUBuffer): void;
  /**
   * The smallest that holds `bytes` and less than twice that, the oldest of its size: steps that record the
   * same then get the same buffers, and bind groups of before serve again.
   */
  take(bytes: number): GPUBuffer | undefined;
  /** The one that has waited longest. */
  takeStalest(): GPUBuffer | undefined;
  /** All of them, longest waiting first. */
  drain(): ReadonlyArray<GPUBuffer>;
}

/**
 * Bytes of the buffer that holds `bytes`. Sizes come in steps of an eighth of their power of two, so that
 * batches whose row counts differ a little share buffers while at most 12.5 % is wasted.
 */
export const sizeClass = (bytes: number): number => {
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(Math.max(bytes, 1))) - 3));
  return Math.ceil(bytes / step) * step;
};

/** What a pool remembers of a buffer that it made. */
export interface PooledBuffer {
  readonly buffer: GPUBuffer;
  /** Smaller for those made earlier. */
  readonly age: number;
  /** {@linkcode sizeClass} of its bytes. */
  readonly size: number;
}

/** None yet, of a pool that remembers `pooled` each. */
export const makeFreeBuffers = (pooled: (buffer: GPUBuffer) => PooledBuffer): FreeBuffers => {
  const bySize = new Map<number, PooledBuffer[]>(); // of a size, the newest first
  const waiting = new Set<PooledBuffer>();

  const remove = (one: PooledBuffer): GPUBuffer => {
    waiting.delete(one);
    const ofSize = bySize.get(one.size)!;
    ofSize.splice(ofSize.indexOf(one), 1);
    return one.buffer;
  };

  return {
    add: (buffer) => {
      const one = pooled(buffer);
      waiting.add(one);
      const ofSize = bySize.get(one.size);
      if (!ofSize) {
        bySize.set(one.size, [one]);
        return;
      }
      let at = ofSize.length;
      while (at > 0 && ofSize[at - 1]!.age < one.age) at--;
      ofSize.splice(at, 0, one);
    },
    take: (bytes) => {
      const smallest = sizeClass(bytes);
      for (let size = smallest; size < 2 * smallest; size = sizeClass(size + 1)) {
        const oldest = bySize.get(size)?.at(-1);
        if (oldest) return remove(oldest);
      }
      return undefined;
    },
    takeStalest: () => {
      const [stalest] = waiting;
      return stalest && remove(stalest);
    },
    drain: () => {
      const all = [...waiting].map(({ buffer }) => buffer);
      waiting.clear();
      bySize.clear();
      return all;
    },
  };
};
