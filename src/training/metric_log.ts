/** Where a run's numbers go, one record a step: a JSONL file, or memory. @module */
import { Context, Effect, FileSystem, Layer, Path, Ref } from "effect";
import { WeightsError } from "../weights/weights_error.ts";
import type { StepReport } from "./train.ts";

/** One line of `metrics.jsonl`. */
export interface MetricRecord {
  /** Which training of the run it belongs to, such as `delia` (an arm). */
  readonly name: string;
  readonly seed: number;
  readonly step: number;
  readonly loss: number;
  /** Mean KL(tuned ‖ base) of the anchored tokens, in nats; only where training is anchored. */
  readonly divergence?: number;
  readonly learning_rate: number;
  readonly grad_norm: number;
  readonly tokens: number;
  readonly supervised_tokens: number;
  readonly seconds: number;
}

/** Takes records as they come. */
export interface MetricLog {
  /** Stores `records`, in order. */
  readonly write: (records: ReadonlyArray<MetricRecord>) => Effect.Effect<void, WeightsError>;
}

/** Key of the {@linkcode MetricLog} service. */
export const MetricLog: Context.Service<MetricLog, MetricLog> = Context.Service(
  "delia/training/MetricLog",
);

/** Collects records in `into`. */
export const layerMemory = (
  into: Ref.Ref<ReadonlyArray<MetricRecord>>,
): Layer.Layer<MetricLog> =>
  Layer.succeed(MetricLog, {
    write: (records) => Ref.update(into, (all) => [...all, ...records]),
  });

/** Appends records to `file`, one JSON object a line. */
export const layerFile = (
  file: string,
): Layer.Layer<MetricLog, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    MetricLog,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const path = yield* Path.Path;
      const failed = (cause: { readonly message: string }) =>
        new WeightsError({ reason: { _tag: "Unreadable", file, problem: cause.message } });
      return {
        write: (records) =>
          Effect.gen(function* () {
            const lines = records.map((record) => JSON.stringify(record) + "\n").join("");
            yield* fs.makeDirectory(path.dirname(file), { recursive: true });
            yield* fs.writeFileString(file, lines, { flag: "a" });
          }).pipe(Effect.mapError(failed)),
      };
    }),
  );

/** The record of one step of the training called `name`. */
export const recordOf = (name: string, seed: number, report: StepReport): MetricRecord => ({
  name,
  seed,
  step: report.step,
  loss: report.loss,
  ...report.divergence === undefined ? {} : { divergence: report.divergence },
  learning_rate: report.learningRate,
  grad_norm: report.gradientNorm,
  tokens: report.tokens,
  supervised_tokens: report.supervisedTokens,
  seconds: report.seconds,
});
