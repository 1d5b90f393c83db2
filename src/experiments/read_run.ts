/** Reads the folder of a run, finished or not: its settings, its records, and what is still to be done. @module */
import { Effect, FileSystem, Path } from "effect";
import { jsonObject } from "../files/json_object.ts";
import { resolveRunConfig } from "../config/resolve.ts";
import type { RunConfig } from "../config/run_config.ts";
import type { Roofline } from "../roofline/measure_step.ts";
import { parseRoofline, rooflineFile } from "../roofline/roofline_file.ts";
import { type MetricRecord, readRecords } from "../training/metric_log.ts";
import { readIfPresent, readJsonLines } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { type Experiment, plannedOf, type RecipeRecord } from "./experiment.ts";
import { firstOfEach } from "./first_of_each.ts";
import { kindOfSettings } from "./folder_kind.ts";
import { experiments } from "./registry.ts";
import type { ArmResult, ExperimentCost, RunResult } from "./result.ts";
import { RunFolderError } from "./run_folder_error.ts";

/** What every run has. */
interface ReadAnyRun {
  readonly folder: string;
  readonly config: RunConfig;
  /** Trainings that are done, and that are still to be done as far as that is known. */
  readonly done: number;
  readonly missing: number;
  /** What was measured of its training step, where somebody asked. */
  readonly roofline?: Roofline;
}

/** A run of `train`. */
export interface ReadTraining extends ReadAnyRun {
  readonly kind: "train";
  readonly arms: ReadonlyArray<ArmResult>;
  readonly metrics: ReadonlyArray<MetricRecord>;
  /** What only a finished run knows. */
  readonly ending: Partial<Omit<RunResult, "config" | "arms">>;
}

/** A run of an experiment. */
export interface ReadExperiment extends ReadAnyRun {
  readonly kind: "experiment";
  readonly experiment: Experiment;
  readonly records: ReadonlyArray<RecipeRecord>;
  /** What only a finished run knows. */
  readonly ending: { readonly run?: ExperimentCost; readonly notes?: ReadonlyArray<string> };
}

/** A run. */
export type ReadRun = ReadTraining | ReadExperiment;

/** The name of a sweep's file of points. */
export const sweepFile = "sweep.json";

type Files = FileSystem.FileSystem | Path.Path;

/** The runs in `folder`: that of a run, or the begun points of a sweep. */
export const readRuns = (
  folder: string,
): Effect.Effect<ReadonlyArray<ReadRun>, RunFolderError | WeightsError, Files> =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const found = yield* Effect.option(fs.stat(folder));
    if (found._tag === "None") return yield* notARun(folder, "nothing");
    if (found.value.type !== "Directory") return yield* notARun(folder, "a file");
    const sweep = yield* readIfPresent(path.join(folder, sweepFile));
    if (sweep === undefined) return [yield* readRun(folder)];
    const known = jsonObject(sweep)?.["points"];
    if (!Array.isArray(known)) return yield* notARun(folder, `a broken ${sweepFile}`);
    const points = known.map((point) =>
      path.join(folder, String((point as { readonly folder?: unknown }).folder))
    );
    const begun = yield* Effect.filter(
      points,
      (point) => Effect.orElseSucceed(fs.exists(path.join(point, "config.json")), () => false),
    );
    return begun.length > 0
      ? yield* Effect.forEach(begun, readRun)
      : yield* new RunFolderError({ reason: { _tag: "NothingDone", folders: [folder] } });
  });

const notARun = (folder: string, found: string): RunFolderError =>
  new RunFolderError({ reason: { _tag: "NotARun", folder, found } });

const readRun = (
  folder: string,
): Effect.Effect<ReadRun, RunFolderError | WeightsError, Files> =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const at = (name: string) => path.join(folder, name);
    const read = (name: string) => readIfPresent(at(name));
    const text = yield* read("config.json");
    if (text === undefined) return yield* notARun(folder, "no config.json");
    const settings = jsonObject(text);
    if (settings === undefined) {
      return yield* notARun(folder, "a config.json that is no JSON object");
    }
    const kind = kindOfSettings(settings);
    if (kind === "a run of pretrain" || kind === "a model") return yield* notARun(folder, kind);
    const { experiment: name, ...options } = settings;
    const config = yield* resolveRunConfig({ options }).pipe(
      Effect.mapError(({ message }) => notARun(folder, `other settings. ${message}`)),
    );
    const result = jsonObject((yield* read("result.json")) ?? "") ?? {};
    const measured = yield* read(rooflineFile);
    const parsed = measured === undefined ? undefined : parseRoofline(measured);
    if (measured !== undefined && !parsed) {
      return yield* notARun(folder, `a broken ${rooflineFile}`);
    }
    const roofline = parsed ? { roofline: parsed } : {};
    if (name === undefined) {
      const arms = firstOfEach(yield* readJsonLines<ArmResult>(at("arms.jsonl")));
      const metrics = firstOfEach(yield* readRecords(at("metrics.jsonl")));
      const { config: _config, arms: _arms, ...ending } = result as Partial<RunResult>;
      const missing = config.arms.length * config.seeds - arms.length;
      return {
        ...{ kind: "train", folder, config, arms, metrics, ending, done: arms.length, missing },
        ...roofline,
      };
    }
    const experiment = experiments.find((known) => known.name === name);
    if (!experiment) return yield* notARun(folder, `an experiment that there is not, ${name}`);
    const records = firstOfEach(yield* readJsonLines<RecipeRecord>(at("records.jsonl")));
    const missing = plannedOf(experiment, config, records).length;
    const { run, notes } = result as ReadExperiment["ending"];
    const ending = { ...run ? { run } : {}, ...notes ? { notes } : {} };
    return {
      ...{ kind: "experiment", folder, config, experiment, records, ending },
      done: records.length,
      missing,
      ...roofline,
    };
  });

/** What runs must have in common to be compared. */
export const kindOf = (run: ReadRun): string =>
  run.kind === "train" ? "train" : `experiment ${run.experiment.name}`;

/** Seeds of a run that have a record, ascending. */
export const seedsOfRun = (run: ReadRun): ReadonlyArray<number> => {
  const seeds = run.kind === "train" ? run.arms : run.records;
  return [...new Set(seeds.map(({ seed }) => seed))].sort((a, b) => a - b);
};
