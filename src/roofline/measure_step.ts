/** Measures a LoRA step against what the adapter can do: kernels, host, dispatches, bytes. @module */
import { Effect, type Scope } from "effect";
import type { OptimizerConfig } from "../config/optimizer_config.ts";
import { pack, type PackedBatch } from "../data/batch.ts";
import { Gpu, GpuError, openedGpu, type OpenGpu } from "../gpu/gpu.ts";
import { type Tuning, withTuning } from "../gpu/tuning.ts";
import { randomBits } from "../gpu/random.ts";
import type { Architecture, ModelShape } from "../models/architecture.ts";
import { loadDecoder } from "../models/load_decoder.ts";
import type { ModelError } from "../models/model_error.ts";
import { type LoraOptions, makeAdapter } from "../nn/adapter.ts";
import { trainStep } from "../training/step.ts";
import { median } from "../tuning/median.ts";
import type { StorageFormat } from "../weights/pack.ts";
import type { Weights } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { type Ceilings, measureCeilings } from "./ceilings.ts";
import { type Count, countedGpu } from "./counted_gpu.ts";
import { type BytesPart, minimumBytes } from "./minimum_bytes.ts";

/** What a step is of, as its reader is told. */
export interface StepFacts {
  /** What the model is called. */
  readonly name: string;
  readonly storage: StorageFormat;
  readonly rank: number;
  readonly gradientCheckpointing: boolean;
  readonly sequences: number;
  /** Tokens of each. */
  readonly length: number;
}

/** A model, its adapter and a batch. */
export interface Workload extends Omit<StepFacts, "rank"> {
  readonly architecture: Architecture;
  readonly shape: ModelShape;
  readonly weights: Weights;
  readonly lora: LoraOptions;
  readonly optimizer: OptimizerConfig;
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
  readonly step: StepFacts;
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

type Failure = GpuError | WeightsError | ModelError;

/**
 * Medians of `rounds` steps of `workload`, on a device with timestamps and on one without, with the kernels
 * that `tuning` remembers where it does. Fails where the adapter has no timestamps.
 */
export const measureStep = (
  workload: Workload,
  rounds: number,
  tuning?: Tuning,
): Effect.Effect<Roofline, Failure> =>
  Effect.gen(function* () {
    const { sequences, length, shape, lora, storage, gradientCheckpointing, name } = workload;
    const batch = pack(
      Array.from({ length: sequences }, (_, row) => ({
        ids: Array.from({ length }, (_, at) => randomBits(2, row, at) % shape.vocab),
        supervised: Array.from({ length }, (_, at) => at > 0),
      })),
    );
    const plain = yield* onDevice(workload, batch, { tuning, profiled: false }, (gpu, step) =>
      wholeSteps(gpu, step, {
        ...{ rounds, pairs: sequences * length * (length + 1) / 2 },
      }));
    const timed = yield* onDevice(workload, batch, { tuning, profiled: true }, (gpu, step) =>
      timedSteps(gpu, step, rounds));
    const { count } = plain;
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
      step: { name, storage, rank: lora.rank, gradientCheckpointing, sequences, length },
      tokens: batch.usedRows,
      ceilings: timed.ceilings,
      kernels: kernels.sort((a, b) =>
        b.milliseconds - a.milliseconds
      ),
      hostMilliseconds: plain.host,
      stepMilliseconds: plain.whole,
      dispatches: [...count.kernels.values()].reduce((sum, { dispatches }) =>
        sum + dispatches, 0),
      submissions: count.submissions,
      peakBytes: plain.peakBytes,
      minimum: minimumBytes(workload.architecture, shape, {
        ...{ tokens: batch.rows, lora, storage, gradientCheckpointing },
      }),
    };
  });

/** Submits a whole step by way of `gpu`, without waiting for it. */
type Step = (gpu: Gpu) => Effect.Effect<void, Failure>;

// A run has hundreds of steps, and the JavaScript engine takes most of these to make its best of ours: the
// host's part of a step halves. Milliseconds bound them where a step takes long.
const warmUp = { steps: 100, milliseconds: 20_000 } as const;

// How long steps take the host and the GPU, and what they ask for.
const wholeSteps = (
  gpu: OpenGpu,
  step: Step,
  { rounds, pairs }: { readonly rounds: number; readonly pairs: number },
) =>
  Effect.gen(function* () {
    const count: Count = { kernels: new Map(), submissions: 0 };
    yield* step(gpu); // compiles
    yield* step(countedGpu(gpu, count, pairs));
    const begin = performance.now();
    for (let at = 0; at < warmUp.steps && performance.now() - begin < warmUp.milliseconds; at++) {
      yield* step(gpu);
      yield* gpu.finish;
    }
    const [host, whole]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      yield* step(gpu);
      host.push(performance.now() - start);
      yield* gpu.finish;
      whole.push(performance.now() - start);
    }
    return { count, host: median(host), whole: median(whole), peakBytes: gpu.peakBytes() };
  });

// How long each kernel of a step takes, beside what the adapter can do.
const timedSteps = (gpu: OpenGpu, step: Step, rounds: number) =>
  Effect.gen(function* () {
    yield* step(gpu);
    yield* measureCeilings(gpu); // compiles
    const ceilings: Ceilings[] = [];
    const times = new Map<string, number[]>();
    for (let round = 0; round < rounds; round++) {
      ceilings.push(yield* measureCeilings(gpu));
      yield* step(gpu);
      for (const { kernel, milliseconds } of yield* Effect.promise(gpu.kernelTimes)) {
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

const openedFor = (profiled: boolean): Effect.Effect<OpenGpu, GpuError> =>
  Effect.gen(function* () {
    const gpu = yield* openedGpu({ profiled });
    if (!profiled || gpu.adapter.timestamps) return gpu;
    gpu.close();
    return yield* new GpuError({ reason: { _tag: "NoTimestamps", adapter: gpu.adapter.name } });
  });

const onDevice = <A>(
  { architecture, shape, weights, storage, lora, optimizer, gradientCheckpointing }: Workload,
  batch: PackedBatch,
  { tuning, profiled }: { readonly tuning: Tuning | undefined; readonly profiled: boolean },
  use: (gpu: OpenGpu, step: Step) => Effect.Effect<A, Failure>,
): Effect.Effect<A, Failure> =>
  Effect.acquireUseRelease(
    openedFor(profiled),
    (gpu) => {
      const on = <B, E>(effect: Effect.Effect<B, E, Gpu | Scope.Scope>, by: Gpu = gpu) =>
        Effect.provideService(effect, Gpu, by);
      return Effect.scoped(Effect.gen(function* () {
        const base = yield* on(loadDecoder(architecture, shape, weights, { storage }));
        const adapter = yield* on(makeAdapter(base, lora, 1));
        const ring = yield* gpu.allocate([2]);
        const options = { optimizer, seed: 1, accumulationSteps: 1, gradientCheckpointing };
        let count = 0;
        const step: Step = (by) => {
          const at = { ring, slot: 0 };
          const tuned = tuning ? withTuning(by, tuning) : by;
          return Effect.scoped(
            on(trainStep(adapter, options, [batch], 1e-3, count++, at), tuned),
          );
        };
        return yield* use(gpu, step);
      }));
    },
    (gpu) => Effect.andThen(Effect.ignore(gpu.finish), Effect.sync(gpu.close)),
  );
