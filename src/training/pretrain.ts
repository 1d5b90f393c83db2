/** Pre-training: every weight of a fresh model, from a stream of examples; resumable. @module */
import { Effect, type Scope, Stream } from "effect";
import type { PretrainConfig } from "../config/pretrain_config.ts";
import type { Example } from "../data/example.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { Architecture, ModelShape } from "../models/architecture.ts";
import type { Decoder } from "../models/decoder.ts";
import { loadDecoder } from "../models/load_decoder.ts";
import { randomWeights } from "../models/random_weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { Checkpoints, restoreCheckpoint, takeCheckpoint } from "./checkpoints.ts";
import { MetricLog, recordOf } from "./metric_log.ts";
import { type StepReport, train } from "./train.ts";
import { errorIn, type TrainingError } from "./training_error.ts";

const reportEvery = 10;

/**
 * Trains a fresh model of `shape` on `examplesFrom(first)`, the endless stream that begins with
 * example `first`, and goes on from the newest checkpoint where there is one. `onReport` sees each
 * step. The decoder lives as long as the scope.
 */
export const pretrain = <E, R>(
  architecture: Architecture,
  shape: ModelShape,
  config: PretrainConfig,
  examplesFrom: (first: number) => Stream.Stream<Example, E, R>,
  onReport: (report: StepReport) => Effect.Effect<void>,
): Effect.Effect<
  Decoder,
  E | GpuError | WeightsError | TrainingError,
  R | Gpu | Checkpoints | MetricLog | Scope.Scope
> =>
  Effect.gen(function* () {
    const checkpoints = yield* Checkpoints;
    const log = yield* MetricLog;
    const weights = randomWeights(architecture, shape, config.seed);
    const decoder = yield* loadDecoder(architecture, shape, weights, { trainable: true });
    const { parameters } = decoder;
    const held = yield* checkpoints.latest;
    if (held) yield* restoreCheckpoint(parameters, held);
    const firstStep = held?.step ?? 0;

    const name = "pretrain";
    const keep = (reports: ReadonlyArray<StepReport>) =>
      Effect.gen(function* () {
        yield* log.write(reports.map((report) => recordOf(name, config.seed, report)));
        yield* Effect.forEach(reports, onReport, { discard: true });
        const [before, done] = [reports[0]!.step, reports.at(-1)!.step + 1];
        const intervals = (step: number): number => Math.floor(step / config.checkpointEvery);
        if (intervals(done) > intervals(before) || done === config.steps) {
          yield* checkpoints.save(yield* takeCheckpoint(parameters, done));
        }
      });

    yield* train(
      { decoder, parameters },
      {
        optimizer: config.optimizer,
        seed: config.seed,
        gradientCheckpointing: false,
        batchSize: config.batchSize,
        accumulationSteps: 1,
        steps: config.steps,
        firstStep,
        reportEvery,
      },
      examplesFrom(firstStep * config.batchSize),
    ).pipe(
      Stream.mapError(errorIn(name)),
      Stream.grouped(reportEvery),
      Stream.runForEach(keep),
    );
    return decoder;
  });
