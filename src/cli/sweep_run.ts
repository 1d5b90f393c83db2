/** The work behind `sweep`: check every point, run them one after the other, compare. @module */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Path from "effect/Path";
import * as Result from "effect/Result";
import type * as CliError from "effect/cli/CliError";
import { ConfigError, type ConfigProblem } from "../config/config_error.ts";
import { type GridPoint, parseGrid, pointsOf } from "../config/grid.ts";
import { holdFolder } from "../experiments/hold_folder.ts";
import { sweepFile } from "../experiments/read_run.ts";
import { RunFolderError } from "../experiments/run_folder_error.ts";
import type { RunError } from "../experiments/run_arms.ts";
import type { HubError } from "../hub/hub_error.ts";
import type { Platform } from "../platform.ts";
import { formatJson, readIfPresent, readJson, writeFiles } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { progressOnStderr } from "./progress_bar.ts";
import { type ReportOutcome, runReport } from "./report_run.ts";
import { sayIfStopped } from "./stopped.ts";
import type { SweepOptions } from "./sweep.ts";
import { parseSwept, type SweptRun } from "./swept_run.ts";
import { type UsageError, usageError } from "./usage_error.ts";

/** What `sweep.json` holds: enough to go on. */
interface SweepPlan {
  readonly words: ReadonlyArray<string>;
  readonly grid: ReadonlyArray<string>;
  readonly seeds: number | null;
  readonly points: ReadonlyArray<{ readonly folder: string; readonly set: ReadonlyArray<string> }>;
}

/** Whatever may stop a sweep. */
export type SweepError = ConfigError | CliError.CliError | RunFolderError | HubError | RunError;

/**
 * Runs the points that are not done yet in the sweep's folder, then writes the comparison there. A point
 * whose training diverges stays as far as it came, and is named; any other failure stops the sweep.
 */
export const runSweep = (
  options: SweepOptions,
): Effect.Effect<ReportOutcome, SweepError, Platform> =>
  Effect.scoped(Effect.gen(function* () {
    const path = yield* Path.Path;
    const progress = yield* progressOnStderr;
    const { directory, plan, swept } = yield* options.resume === undefined
      ? begin(options)
      : goOn(options, options.resume);
    yield* sayIfStopped("sweep", directory);
    const failed: string[] = [];
    for (const [index, { folder, set }] of plan.points.entries()) {
      const at = path.join(directory, folder);
      const of = `point ${index + 1} of ${plan.points.length}: ${set.join(" ")}`;
      if ((yield* readIfPresent(path.join(at, "result.json"))) !== undefined) {
        progress.say(`${of} is done`);
        continue;
      }
      progress.say(of);
      const begun = (yield* readIfPresent(path.join(at, "config.json"))) !== undefined;
      yield* swept.run(settingsOfPoint(plan, set), at, begun).pipe(
        // A setting too high to train with is a finding of a sweep, and no reason to stop it.
        Effect.catchTag("TrainingError", ({ message }) =>
          Effect.sync(() => {
            progress.say(`${of} failed: ${message}`);
            failed.push(`${folder} failed: ${message}`);
          })),
      );
    }
    const { text, document } = yield* runReport({
      ...{ runs: [directory], out: directory, json: options.json, roofline: false },
    });
    return { text: [text, ...failed].join("\n"), document };
  }));

const settingsOfPoint = ({ seeds }: SweepPlan, set: ReadonlyArray<string>) => ({
  set,
  ...seeds === null ? {} : { seeds },
});

const begin = (options: SweepOptions) =>
  Effect.gen(function* () {
    const { words, grid, seeds = null } = options;
    if (grid.length === 0) {
      return yield* usageError("sweep", "Give --grid path=value,value, or --resume DIR");
    }
    const axes = parseGrid(grid);
    if (Result.isFailure(axes)) return yield* invalid(axes.failure);
    const swept = yield* parseSwept(words);
    const points = pointsOf(axes.success);
    const plan: SweepPlan = {
      ...{ words, grid, seeds },
      points: points.map(({ name, set }) => ({ folder: name, set })),
    };
    yield* checkPoints(swept, plan, points);
    const now = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 19);
    const directory = options.out ?? `runs/sweep-${now.replaceAll(":", "-")}`;
    const path = yield* Path.Path;
    const found = yield* holdFolder(directory, sweepFile);
    const before = yield* readIfPresent(path.join(directory, sweepFile));
    const text = formatJson(plan);
    // Without a point that was begun there is nothing that other settings could be mixed up with.
    const begun = found.some((name) => name !== sweepFile);
    if (begun && before !== text) {
      return yield* new RunFolderError({ reason: { _tag: "OtherSweep", folder: directory } });
    }
    yield* writeFiles(directory, { [sweepFile]: text });
    return { directory, plan, swept };
  });

const goOn = ({ grid, words, seeds, out }: SweepOptions, directory: string) =>
  Effect.gen(function* () {
    if (grid.length > 0 || words.length > 0 || seeds !== undefined || out !== undefined) {
      return yield* usageError("sweep", "--resume goes on with the settings that it finds: alone");
    }
    const fs = yield* FileSystem.FileSystem;
    const path = yield* Path.Path;
    const file = path.join(directory, sweepFile);
    if (!(yield* Effect.orElseSucceed(fs.exists(file), () => false))) {
      const found = `no ${sweepFile}`;
      return yield* new RunFolderError({ reason: { _tag: "NotARun", folder: directory, found } });
    }
    yield* holdFolder(directory, sweepFile);
    const plan = (yield* readJson(file)) as unknown as SweepPlan;
    return { directory, plan, swept: yield* parseSwept(plan.words) };
  });

const invalid = (problems: ReadonlyArray<ConfigProblem>): ConfigError =>
  new ConfigError({ reason: { _tag: "Invalid", problems } });

// Nothing starts before every point is known to be right, and to be another run than the others.
const checkPoints = (
  swept: SweptRun,
  plan: SweepPlan,
  points: ReadonlyArray<GridPoint>,
): Effect.Effect<void, ConfigError | WeightsError | UsageError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const seen = new Map<string, string>();
    const problems = new Map<string, ConfigProblem>();
    for (const { name, set } of points) {
      const config = yield* Effect.result(swept.config(settingsOfPoint(plan, set)));
      if (Result.isFailure(config)) {
        const { failure } = config;
        if (failure._tag !== "ConfigError" || failure.reason._tag !== "Invalid") {
          return yield* failure;
        }
        for (const problem of failure.reason.problems) {
          problems.set(`${problem.path} ${problem.problem}`, problem);
        }
        continue;
      }
      const text = JSON.stringify(config.success);
      const same = seen.get(text);
      if (same !== undefined) {
        return yield* usageError(
          "sweep",
          `${same} and ${name} are the same run: an option of its own, such as --model, takes ` +
            "precedence over the grid",
        );
      }
      seen.set(text, name);
    }
    if (problems.size > 0) return yield* invalid([...problems.values()]);
  });
