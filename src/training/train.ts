/**
 * The training loop as a Stream: examples in, one report a step out.
 *
 * @example
 * ```ts
 * import { Effect, Stream } from "effect";
 * import { train, type TrainOptions, type Trainee } from "@delia/delia/training";
 * import type { Example } from "@delia/delia/data";
 *
 * const lastLoss = (trainee: Trainee, options: TrainOptions, examples: ReadonlyArray<Example>) =>
 *   train(trainee, options, Stream.fromIterable(examples)).pipe(
 *     Stream.runFold(() => Infinity, (_, { loss }) => loss),
 *   );
 * console.assert(typeof lastLoss === "function");
 * ```
 *
 * @module
 */
import { Clock, Effect, Stream } from "effect";
import { pack, type PackedBatch } from "../data/batch.ts";
import type { Example } from "../data/example.ts";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import { globalNorm } from "../ops/global_norm.ts";
import { learningRateAt } from "./learning_rate.ts";
import { type StepOptions, type Trainee, trainStep } from "./step.ts";
import { TrainingError, type TrainingReason } from "./training_error.ts";

/** Settings of {@linkcode train}. */
export interface TrainOptions extends StepOptions {
  /** Examples a micro-batch. */
  readonly batchSize: number;
  /** Optimizer steps of the whole run: the learning rate depends on it. */
  readonly steps: number;
  /** Steps already done, when a run is resumed; `examples` starts behind theirs. */
  readonly firstStep?: number;
  /** Steps between two reads of the losses; each read waits for the GPU. */
  readonly reportEvery: number;
}

/** What happened in one optimizer step. */
export interface StepReport {
  /** From 0. */
  readonly step: number;
  /** Mean loss of the supervised tokens, weighted where examples bring weights, in nats. */
  readonly loss: number;
  /** Mean KL(tuned ‖ base) of the anchored tokens, in nats; only where there is an anchor. */
  readonly divergence?: number;
  readonly learningRate: number;
  /** Global gradient norm before clipping. */
  readonly gradientNorm: number;
  /** Tokens of the examples, filler rows not counted. */
  readonly tokens: number;
  readonly supervisedTokens: number;
  readonly examples: number;
  /** Mean seconds a step since the last read. */
  readonly seconds: number;
}

/** The examples of one optimizer step, packed. */
export interface StepBatch {
  readonly step: number;
  readonly microBatches: ReadonlyArray<PackedBatch>;
}

// Filled up to whole tiles of the kernels.
const rowMultiple = 32;

/** Examples → the packed micro-batches of each optimizer step; ends with the examples. */
export const stepBatches = <E, R>(
  examples: Stream.Stream<Example, E, R>,
  { batchSize, accumulationSteps, firstStep = 0, steps }: TrainOptions,
): Stream.Stream<StepBatch, E, R> =>
  examples.pipe(
    Stream.grouped(batchSize),
    Stream.map((group) => pack(group, rowMultiple)),
    Stream.grouped(accumulationSteps),
    Stream.zipWithIndex,
    Stream.map(([microBatches, index]) => ({ step: firstStep + index, microBatches })),
    Stream.take(steps - firstStep),
  );

/**
 * Trains on `examples` until they end or `steps` are done; reports every step, a few steps late. Fails
 * with `Diverged` behind the report of the last step whose loss and gradient norm are finite.
 */
export const train = <E, R>(
  trainee: Trainee,
  options: TrainOptions,
  examples: Stream.Stream<Example, E, R>,
): Stream.Stream<StepReport, E | GpuError | TrainingError, R | Gpu> =>
  Stream.unwrap(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const ring = yield* gpu.allocate([2 * options.reportEvery]);
    const divergences = options.anchor && (yield* gpu.allocate([options.reportEvery]));
    const record = { ring, ...divergences ? { divergences } : {} };

    const runAndReport = (batches: ReadonlyArray<StepBatch>) =>
      Effect.gen(function* () {
        const started = yield* Clock.currentTimeMillis;
        if (divergences) yield* gpu.write(divergences, new Float32Array(options.reportEvery));
        for (const [slot, { step, microBatches }] of batches.entries()) {
          const rate = learningRateAt(options.optimizer, step, options.steps);
          yield* trainStep(trainee, options, microBatches, rate, step, { ...record, slot });
        }
        const measured = yield* gpu.download(ring);
        const parted = divergences && (yield* gpu.download(divergences));
        const ended = yield* Clock.currentTimeMillis;
        const reports = batches.map(({ step, microBatches }, slot): StepReport => {
          const anchoredTokens = Math.max(1, total(microBatches, "anchoredTokens"));
          return {
            step,
            loss: measured[2 * slot]! / total(microBatches, "lossWeight"),
            ...parted ? { divergence: parted[slot]! / anchoredTokens } : {},
            learningRate: learningRateAt(options.optimizer, step, options.steps),
            gradientNorm: measured[2 * slot + 1]!,
            tokens: total(microBatches, "usedRows"),
            supervisedTokens: total(microBatches, "supervisedTokens"),
            examples: total(microBatches, "sequences"),
            seconds: (ended - started) / 1000 / batches.length,
          };
        });
        // The sums, not the means: a step that nothing supervises has no mean, and is sound.
        const broken = measured.findIndex((number) => !Number.isFinite(number));
        const at = Math.floor(broken / 2);
        if (broken < 0 || at >= batches.length) return Stream.fromIterable(reports);
        const of = broken % 2 === 0 ? "loss" : "gradient norm";
        const failure = diverged(options, reports[at]!.step, of, measured[broken]!);
        return Stream.concat(Stream.fromIterable(reports.slice(0, at)), Stream.fail(failure));
      });

    return stepBatches(examples, options).pipe(
      Stream.grouped(options.reportEvery),
      Stream.mapEffect(runAndReport),
      Stream.flatten,
      Stream.concat(Stream.fromEffectDrain(checkValues(gpu, trainee, options))),
    );
  }));

const diverged = (
  { optimizer, seed, steps }: TrainOptions,
  step: number,
  of: TrainingReason["of"],
  found: number,
): TrainingError =>
  new TrainingError({
    reason: {
      ...{ _tag: "Diverged", seed, step, of, found },
      learningRate: learningRateAt(optimizer, step, steps),
    },
  });

// No loss shows what the last update did: this is the one look at the values themselves.
const checkValues = (
  gpu: Gpu,
  { parameters }: Trainee,
  options: TrainOptions,
): Effect.Effect<void, GpuError | TrainingError> =>
  Effect.scoped(Effect.gen(function* () {
    const norm = yield* gpu.submit((pass) =>
      globalNorm(pass, parameters.arenas.map(({ value }) => value))
    );
    const [found = NaN] = yield* gpu.download(norm);
    if (!Number.isFinite(found)) {
      return yield* diverged(options, options.steps - 1, "norm of the trained values", found);
    }
  }));

const total = (
  batches: ReadonlyArray<PackedBatch>,
  field: "usedRows" | "supervisedTokens" | "lossWeight" | "anchoredTokens" | "sequences",
): number => batches.reduce((sum, batch) => sum + batch[field], 0);
