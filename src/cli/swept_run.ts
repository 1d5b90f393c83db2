/** What a sweep runs at each point: `train`, `experiment` or `probe`, parsed as on the command line. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as CliError from "effect/cli/CliError";
import * as Command from "effect/cli/Command";
import project from "../../deno.json" with { type: "json" };
import type { ConfigError } from "../config/config_error.ts";
import type { RunConfig } from "../config/run_config.ts";
import type { RunError } from "../experiments/run_arms.ts";
import type { RunFolderError } from "../experiments/run_folder_error.ts";
import type { HubError } from "../hub/hub_error.ts";
import type { Platform } from "../platform.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import {
  type ExperimentOptions,
  type ExperimentRunOptions,
  type ExperimentSettings,
  experimentVerb,
} from "./experiment.ts";
import { experimentConfig, runExperiment } from "./experiment_run.ts";
import { probeVerb } from "./probe.ts";
import { goingOn, resolveTrainingOptions } from "./run_flags.ts";
import { type TrainOptions, trainVerb } from "./train.ts";
import { runTrain } from "./train_run.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import type { Outcome, Verb } from "./verb.ts";

/** What a point adds to the options of the run. */
export interface PointSettings {
  readonly set: ReadonlyArray<string>;
  readonly seeds?: number;
}

/** A run whose settings are still to be completed. */
export interface SweptRun {
  /** The whole settings at a point. */
  readonly config: (
    point: PointSettings,
  ) => Effect.Effect<RunConfig, ConfigError | WeightsError, FileSystem.FileSystem>;
  /** Runs it in `folder`, from the start or from where it was interrupted. */
  readonly run: (
    point: PointSettings,
    folder: string,
    begun: boolean,
  ) => Effect.Effect<
    Outcome,
    ConfigError | HubError | RunError | RunFolderError | UsageError,
    Platform
  >;
}

/** Options that the sweep gives each point itself. */
const taken = ["--out", "--resume", "--json", "--list"];

/** Parses the words after `--`; none: `train`. */
export const parseSwept = (
  words: ReadonlyArray<string>,
): Effect.Effect<SweptRun, UsageError | CliError.CliError, Platform> =>
  Effect.gen(function* () {
    const [name, ...rest] = words[0]?.startsWith("-") ? ["train", ...words] : words;
    const own = taken.find((flag) =>
      rest.some((word) => word === flag || word.startsWith(`${flag}=`))
    );
    if (own !== undefined) {
      return yield* usageError("sweep", `${own} after -- is up to the sweep; leave it out`);
    }
    switch (name) {
      case undefined:
      case "train": {
        return sweptTrain(yield* captured<TrainOptions, "train", TrainOptions>(trainVerb, rest));
      }
      case "experiment": {
        return sweptExperiment(
          yield* captured<ExperimentSettings, "experiment", ExperimentOptions>(
            experimentVerb,
            rest,
          ),
        );
      }
      case "probe": {
        return sweptExperiment(
          yield* captured<ExperimentSettings, "probe", ExperimentRunOptions>(probeVerb, rest),
        );
      }
      default:
        return yield* usageError(
          "sweep",
          `After -- stands train, experiment or probe and its options, not ${name}`,
        );
    }
  });

// The options that a verb's own parser makes of `words`.
const captured = <Options, Name extends string, Parsed>(
  make: (
    run: (options: Options) => Effect.Effect<Outcome>,
  ) => Verb<Name, Parsed, UsageError, never>,
  words: ReadonlyArray<string>,
): Effect.Effect<Options, UsageError | CliError.CliError, Platform> =>
  Effect.gen(function* () {
    let found: Options | undefined;
    const command = make((options) =>
      Effect.sync(() => {
        found = options;
        return { text: "", document: undefined };
      })
    );
    yield* Command.runWith(command, { version: project.version, renderErrors: false })(words);
    return found ?? (yield* usageError("sweep", "Ask a verb for its --help without a sweep"));
  });

const laidOver = <Options extends { readonly set: ReadonlyArray<string> }>(
  options: Options,
  { set, ...seeds }: PointSettings,
): Options => ({ ...options, set: [...options.set, ...set], ...seeds });

const sweptTrain = (options: TrainOptions): SweptRun => ({
  config: (point) => resolveTrainingOptions(laidOver(options, point)),
  run: (point, folder, begun) =>
    runTrain(begun ? goingOn(folder) : { ...laidOver(options, point), out: folder }),
});

const sweptExperiment = (options: ExperimentSettings): SweptRun => ({
  config: (point) => experimentConfig(laidOver(options, point)),
  run: (point, folder, begun) =>
    runExperiment(
      begun
        ? { ...goingOn(folder), experiment: options.experiment, quick: false }
        : { ...laidOver(options, point), out: folder },
    ),
});
