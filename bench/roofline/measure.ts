/** Measures a LoRA step against what the adapter can do: kernels, host, dispatches, bytes. @module */
import { Effect, Exit, Scope } from "effect";
import { pack, type PackedBatch } from "../../src/data/batch.ts";
import { Gpu, type OpenGpu, openGpu } from "../../src/gpu/gpu.ts";
import { randomBits } from "../../src/gpu/random.ts";
import type { ModelShape } from "../../src/models/architecture.ts";
import { llama } from "../../src/models/llama.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { trainStep } from "../../src/training/step.ts";
import { median } from "../../src/tuning/median.ts";
import { stepOptions } from "../support/fixture_step.ts";
import { type Ceilings, measureCeilings } from "./ceilings.ts";
import { type Count, countedGpu } from "./counted_gpu.ts";
import { type BytesPart, minimumBytes } from "./minimum_bytes.ts";

/** A model and a batch. */
export interface Workload {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly rank: number;
  readonly sequences: number;
  /** Tokens of each. */
  readonly length: number;
}

/** One kernel over a step. */
export interface KernelShare {
  readonly kernel: string;
  readonly dispatches: number;
  readonly milliseconds: number;
  /** Operations a second; undefined where a kernel only moves. */
  readonly flops?: number;
  /** Bytes a second, every operand counted once. */
  readonly bytes: number;
}

/** What is known of a step. */
export interface Roofline {
  readonly device: string;
  readonly workload: Workload;
  readonly tokens: number;
  readonly ceilings: Ceilings;
  /** Longest first. */
  readonly kernels: ReadonlyArray<KernelShare>;
  /** Until the last submission returned, and until the GPU was done. */
  readonly hostMilliseconds: number;
  readonly stepMilliseconds: number;
  readonly dispatches: number;
  readonly submissions: number;
  readonly peakBytes: number;
  readonly minimum: ReadonlyArray<BytesPart>;
}

const modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/** Measures `workload` in `rounds` rounds, on a device with timestamps and on one without. */
export const measure = async (workload: Workload, rounds: number): Promise<Roofline> => {
  const shape = Effect.runSync(llama.decode(workload.config));
  const { sequences, length, rank } = workload;
  const batch = pack(
    Array.from({ length: sequences }, (_, row) => ({
      ids: Array.from({ length }, (_, at) => randomBits(2, row, at) % shape.vocab),
      supervised: Array.from({ length }, (_, at) => at > 0),
    })),
  );
  const pairs = sequences * length * (length + 1) / 2;
  const plain = await onDevice(false, shape, rank, batch, async ({ gpu, step }) => {
    const count: Count = { kernels: new Map(), submissions: 0 };
    await step(gpu);
    await step(countedGpu(gpu, count, pairs));
    await Effect.runPromise(gpu.finish);
    const [host, whole]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      await step(gpu);
      host.push(performance.now() - start);
      await Effect.runPromise(gpu.finish);
      whole.push(performance.now() - start);
    }
    return { count, host: median(host), whole: median(whole), peakBytes: gpu.peakBytes() };
  });
  const { count } = plain;
  const timed = await onDevice(true, shape, rank, batch, async ({ gpu, step }) => {
    await step(gpu);
    await Effect.runPromise(measureCeilings(gpu)); // compiles
    const ceilings: Ceilings[] = [];
    const times = new Map<string, number[]>();
    for (let round = 0; round < rounds; round++) {
      ceilings.push(await Effect.runPromise(measureCeilings(gpu)));
      await step(gpu);
      for (const { kernel, milliseconds } of await gpu.kernelTimes()) {
        times.set(kernel, [...times.get(kernel) ?? [], milliseconds]);
      }
    }
    return {
      device: gpu.adapter.name,
      ceilings: {
        flops: median(ceilings.map(({ flops }) => flops)),
        bytes: median(ceilings.map(({ bytes }) => bytes)),
      },
      times,
    };
  });
  const kernels = [...timed.times].map(([kernel, each]): KernelShare => {
    const { dispatches, flops, bytes } = count.kernels.get(kernel)!;
    const milliseconds = median(each);
    const seconds = milliseconds / 1000;
    return {
      ...{ kernel, dispatches, milliseconds, bytes: bytes / seconds },
      ...flops === undefined ? {} : { flops: flops / seconds },
    };
  });
  return {
    device: timed.device,
    workload,
    tokens: batch.usedRows,
    ceilings: timed.ceilings,
    kernels: kernels.sort((a, b) => b.milliseconds - a.milliseconds),
    hostMilliseconds: plain.host,
    stepMilliseconds: plain.whole,
    dispatches: [...count.kernels.values()].reduce((sum, { dispatches }) => sum + dispatches, 0),
    submissions: count.submissions,
    peakBytes: plain.peakBytes,
    minimum: minimumBytes(llama, shape, { tokens: batch.rows, rank }),
  };
};

interface OnDevice {
  readonly gpu: OpenGpu;
  /** Submits a whole step by way of `gpu`, without waiting for it. */
  readonly step: (gpu: Gpu) => Promise<void>;
}

const onDevice = async <A>(
  profiled: boolean,
  shape: ModelShape,
  rank: number,
  batch: PackedBatch,
  use: (on: OnDevice) => Promise<A>,
): Promise<A> => {
  const gpu = await openGpu({ profiled });
  const scope = Effect.runSync(Scope.make());
  const run = <B, E>(effect: Effect.Effect<B, E, Gpu | Scope.Scope>, by: Gpu = gpu): Promise<B> =>
    Effect.runPromise(
      effect.pipe(Effect.provideService(Gpu, by), Effect.provideService(Scope.Scope, scope)),
    );
  try {
    const base = await run(loadDecoder(llama, shape, randomWeights(llama, shape, 1)));
    const lora = { rank, alpha: rank, dropout: 0, rsLora: false, targetModules: modules };
    const adapter = await run(makeAdapter(base, lora, 1));
    const ring = await run(gpu.allocate([2]));
    let count = 0;
    const step = (by: Gpu) =>
      run(trainStep(adapter, stepOptions, [batch], 1e-3, count++, { ring, slot: 0 }), by);
    return await use({ gpu, step });
  } finally {
    await Effect.runPromise(gpu.finish);
    await Effect.runPromise(Scope.close(scope, Exit.void));
    gpu.close();
  }
};
