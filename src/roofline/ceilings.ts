/** What the adapter can do at the most: multiply-adds from registers, and bytes through a copy. @module */
import copySource from "../../kernels/copy_bandwidth.wgsl" with { type: "text" };
import fmaSource from "../../kernels/fma_rate.wgsl" with { type: "text" };
import { Effect } from "effect";
import type { GpuError, Kernel, OpenGpu } from "../gpu/gpu.ts";

/** Binding of `kernels/fma_rate.wgsl`. */
export const fmaKernel: Kernel<"y", "threads" | "turns" | "a" | "b"> = {
  name: "fma_rate",
  source: fmaSource,
  params: { threads: "u32", turns: "u32", a: "f32", b: "f32" },
  bindings: { y: { access: "out", shape: ({ threads }) => [threads] } },
  workgroups: ({ threads }) => Math.ceil(threads / 64),
};

/** Binding of `kernels/copy_bandwidth.wgsl`. */
export const copyKernel: Kernel<"x" | "y", "vectors"> = {
  name: "copy_bandwidth",
  source: copySource,
  params: { vectors: "u32" },
  bindings: {
    x: { access: "in", shape: ({ vectors }) => [4 * vectors] },
    y: { access: "out", shape: ({ vectors }) => [4 * vectors] },
  },
  workgroups: ({ vectors }) => Math.ceil(vectors / 256),
};

/** Rates of one adapter; operations and bytes a second. */
export interface Ceilings {
  readonly flops: number;
  readonly bytes: number;
}

// Small enough for a software driver, long enough on a GPU; a driver of Mesa's ends loops after 65,535.
const sizesOf = (software: boolean) =>
  software
    ? { threads: 2 ** 12, turns: 2 ** 10, vectors: 2 ** 21 }
    : { threads: 2 ** 20, turns: 2 ** 12, vectors: 2 ** 23 };

/** Runs both kernels once on a profiled device and returns their rates by its timestamps. */
export const measureCeilings = (gpu: OpenGpu): Effect.Effect<Ceilings, GpuError> =>
  Effect.scoped(Effect.gen(function* () {
    const { threads, turns, vectors } = sizesOf(gpu.adapter.software);
    yield* Effect.promise(gpu.kernelTimes);
    yield* gpu.submit((pass) => {
      const [x, y] = [pass.tensor([4 * vectors]), pass.tensor([4 * vectors])];
      // Four copies, of which the mean counts: the first may still bring pages in.
      for (let i = 0; i < 4; i++) pass.dispatch(copyKernel, { vectors }, { x, y });
      const sums = pass.tensor([threads]);
      pass.dispatch(fmaKernel, { threads, turns, a: 0.999, b: 0.001 }, { y: sums });
    });
    const times = yield* Effect.promise(gpu.kernelTimes);
    const secondsOf = (name: string) => {
      const time = times.find(({ kernel }) => kernel === name);
      if (!time) throw new Error(`Expected a time of ${name}: the adapter lacks timestamps`);
      return time.milliseconds / 1000 / time.dispatches;
    };
    return {
      flops: threads * turns * 2 * 128 / secondsOf(fmaKernel.name),
      bytes: vectors * 16 * 2 / secondsOf(copyKernel.name),
    };
  }));
