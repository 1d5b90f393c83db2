/** Times every dispatch by GPU timestamps, each in a compute pass of its own. @module */
import type { Command } from "./pass.ts";

/** Time spent in one kernel. */
export interface KernelTime {
  readonly kernel: string;
  readonly dispatches: number;
  readonly milliseconds: number;
}

/** Collects times of submissions until they are read. */
export interface Profile {
  /** Timestamps for the pass of command `index` of the submission begun last. */
  readonly timestamps: (index: number) => GPUComputePassTimestampWrites;
  /** Called before the commands of a submission are encoded. */
  readonly begin: (commands: ReadonlyArray<Command>) => void;
  /** Called after them: copies the timestamps where they can be read. */
  readonly end: (encoder: GPUCommandEncoder) => void;
  /** Waits for the GPU; the times since the last read, longest first. */
  readonly read: () => Promise<ReadonlyArray<KernelTime>>;
}

/** A profile on `device`, which must have the feature `timestamp-query`. */
export const makeProfile = (device: GPUDevice): Profile => {
  const taken: { readonly names: ReadonlyArray<string>; readonly staging: GPUBuffer }[] = [];
  let current: { readonly names: ReadonlyArray<string>; readonly set: GPUQuerySet } | undefined;
  return {
    begin: (commands) => {
      const count = Math.max(1, commands.length);
      const set = device.createQuerySet({ type: "timestamp", count: 2 * count });
      current = { names: commands.map(({ kernel }) => kernel), set };
    },
    timestamps: (index) => ({
      querySet: current!.set,
      beginningOfPassWriteIndex: 2 * index,
      endOfPassWriteIndex: 2 * index + 1,
    }),
    end: (encoder) => {
      const { names, set } = current!;
      const size = 16 * Math.max(1, names.length);
      const resolved = device.createBuffer({
        size,
        usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
      });
      const staging = device.createBuffer({
        size,
        usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
      });
      encoder.resolveQuerySet(set, 0, 2 * Math.max(1, names.length), resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
      taken.push({ names, staging });
    },
    read: async () => {
      const times = new Map<string, { dispatches: number; milliseconds: number }>();
      for (const { names, staging } of taken.splice(0)) {
        await staging.mapAsync(GPUMapMode.READ);
        const ticks = new BigUint64Array(staging.getMappedRange().slice(0));
        staging.destroy();
        for (const [index, kernel] of names.entries()) {
          const time = times.get(kernel) ?? { dispatches: 0, milliseconds: 0 };
          time.dispatches++;
          time.milliseconds += Number(ticks[2 * index + 1]! - ticks[2 * index]!) / 1e6;
          times.set(kernel, time);
        }
      }
      return [...times].map(([kernel, time]) => ({ kernel, ...time }))
        .sort((a, b) => b.milliseconds - a.milliseconds);
    },
  };
};
