/** Where a run's numbers go, one record a step: a JSONL file, or memory. @module */
import { Context, Effect, FileSystem, Layer, Path, Ref } from "effect";
import { appendJsonLines, formatJsonLines, keepWholeLines } from "../files/json_lines.ts";
import { writeWhole } from "../files/write_whole.ts";
import { readJsonLines, refuse } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
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

/**
 * Appends records to `file`, one JSON object a line; a run that goes on calls {@linkcode keepRecords}
 * first.
 */
export const layerFile = (
  file: string,
): Layer.Layer<MetricLog, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    MetricLog,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const path = yield* Path.Path;
      return {
        write: (records) =>
          fs.makeDirectory(path.dirname(file), { recursive: true }).pipe(
            Effect.andThen(appendJsonLines(file, records)),
            Effect.provideService(FileSystem.FileSystem, fs),
            refuse(file),
          ),
      };
    }),
  );

/** The records in `file`; none where there is no such file. */
export const readRecords = (
  file: string,
): Effect.Effect<ReadonlyArray<MetricRecord>, WeightsError, FileSystem.FileSystem> =>
  readJsonLines(file);

/**
 * Makes `file` ready for a run that goes on: of its records only those stay that `keep` says, those of
 * what is not done again. Half a last line goes too. Without a file there is nothing to do.
 */
export const keepRecords = (
  file: string,
  keep: (record: MetricRecord) => boolean,
): Effect.Effect<void, WeightsError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    yield* keepWholeLines(file).pipe(refuse(file));
    const records = yield* readRecords(file);
    const kept = records.filter(keep);
    if (kept.length === records.length) return;
    yield* writeWhole(file, formatJsonLines(kept)).pipe(refuse(file));
  });

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
