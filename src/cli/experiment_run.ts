/** The work behind `experiment`: train what is planned, keep the records, show the findings. @module */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import * as Terminal from "effect/Terminal";
import project from "../../deno.json" with { type: "json" };
import { ConfigError } from "../config/config_error.ts";
import { declaredBehaviours } from "../config/reference_behaviours.ts";
import type { RunConfig } from "../config/run_config.ts";
import { layerDatasetsFile } from "../data/datasets_file.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { type Experiment, plannedOf, type RecipeRecord } from "../experiments/experiment.ts";
import type { ExperimentData } from "../experiments/experiment_data.ts";
import { fixtureExperimentData } from "../experiments/fixture_experiment_data.ts";
import { layerWorldPhrasings } from "../experiments/fixture_data.ts";
import { checkOwnData, hasOwnData } from "../experiments/check_own_data.ts";
import { ownExperimentData } from "../experiments/own_experiment_data.ts";
import { needsFacts } from "../experiments/recipe.ts";
import { type Dictionary, readDictionary } from "../experiments/translation/dictionary.ts";
import { translationData } from "../experiments/translation/translation_data.ts";
import type { RunError } from "../experiments/run_arms.ts";
import { beginLeg, legsFile } from "../experiments/legs.ts";
import { openRunFolder, type RunFolder } from "../experiments/run_folder.ts";
import type { RunFolderError } from "../experiments/run_folder_error.ts";
import { type RecipeParts, runRecipes } from "../experiments/run_recipes.ts";
import { Gpu } from "../gpu/gpu.ts";
import type { HubError } from "../hub/hub_error.ts";
import { renderExperiment, type ReportedExperiment } from "../report/experiment_report.ts";
import { findingsText } from "../report/findings_text.ts";
import { keepRecords, layerFile as metricFile } from "../training/metric_log.ts";
import { fileProblem } from "../weights/file_problem.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { defaultPreset, resumedConfig } from "./config_options.ts";
import type { ExperimentSettings } from "./experiment.ts";
import { resolveModel } from "./model_source.ts";
import { openBase } from "./open_base.ts";
import { progressOnStderr } from "./progress_bar.ts";
import { refuseOverwrite, runFolderFiles } from "./refuse_overwrite.ts";
import { resolveRunOptions, resumeAlone } from "./run_flags.ts";
import { sayIfStopped } from "./stopped.ts";
import { tunedLayer } from "./tuned_gpu.ts";
import type { UsageError } from "./usage_error.ts";
import type { Outcome } from "./verb.ts";

/** What `result.json` of an experiment holds; but for `run` a repetition gives the same. */
export interface ExperimentResult extends ReportedExperiment {
  readonly experiment: string;
}

/** Runs an experiment in a run folder, or goes on with one. */
export const runExperiment = (
  options: ExperimentSettings,
): Effect.Effect<
  Outcome,
  ConfigError | HubError | RunError | RunFolderError | UsageError,
  FileSystem.FileSystem | Path.Path | Stdio.Stdio | Terminal.Terminal
> =>
  Effect.scoped(Effect.gen(function* () {
    const { experiment } = options;
    yield* resumeAlone("experiment", options);
    const started = yield* Clock.currentTimeMillis;
    const asked = yield* experimentConfig(options);
    const dictionary = yield* dictionaryOf(asked);
    const source = yield* resolveModel(asked.model.source);
    const config = { ...asked, model: { ...asked.model, source: source.source } };
    const stamp = new Date(started).toISOString().slice(0, 19).replaceAll(":", "-");
    const directory = options.resume ?? options.out ?? `runs/${experiment.name}-${stamp}`;
    const settings = { experiment: experiment.name, ...config };
    yield* refuseOverwrite("experiment", runFolderFiles(directory), {
      ...{ "--model": source.directory, "--data": config.data.downstream },
      ...{ "--diverse": config.data.diverse, "--test": config.data.test },
      "--questions": config.data.questions,
    });
    const folder = yield* openRunFolder<RecipeRecord, ExperimentResult>(
      ...[directory, settings, "records.jsonl"] as const,
    );
    const missing = plannedOf(experiment, config, folder.done).length;
    if (folder.result && missing === 0) {
      const findings = experiment.findings(folder.done, config);
      return yield* outcome(experiment, { ...folder.result, findings }, folder);
    }
    yield* sayIfStopped(`experiment ${experiment.name}`, directory);
    const progress = yield* progressOnStderr;
    const gpu = yield* Gpu;
    progress.say(`${experiment.title} (${experiment.paper}); ${gpu.adapter.name}; ${folder.at()}`);
    const { decoder, tokenizer, answersTo, provenance } = yield* openBase(config, source, progress);
    const files = yield* Effect.context<FileSystem.FileSystem>();
    const dataOf = (seed: number) =>
      Effect.provideContext(experimentData(experiment, tokenizer, config, seed, dictionary), files);
    // Files are read before anything is trained: what is wrong with them is said at once.
    const ofFiles = hasOwnData(config) ? (yield* dataOf(config.training.seed)).notes ?? [] : [];
    const notes = [...declaredBehaviours(config), ...ofFiles];
    notes.forEach(progress.say);
    const parts: RecipeParts = {
      ...{ config, decoder, tokenizer, progress, measures: experiment.measures },
      baseHashes: provenance.sha256 ?? {},
      dataOf,
      answersTo: (questions, kind, seed) =>
        answersTo(questions, folder.at(`diverse-${kind}-${seed}.jsonl`), seed),
    };
    yield* folder.begin;
    const leg = yield* beginLeg(folder.at(legsFile), {
      preset: options.resume === undefined ? options.preset ?? defaultPreset : undefined,
      ...{ device: gpu.adapter.name, started, peakBytes: gpu.peakBytes },
    });
    const records = [...folder.done];
    const metrics = folder.at("metrics.jsonl");
    // A training that was under way is done again from its first step.
    yield* keepRecords(
      metrics,
      ({ name, seed }) =>
        folder.done.some((record) => record.recipe === name && record.seed === seed),
    );
    const recipes = experiment.recipes(config);
    for (;;) {
      const planned = plannedOf(experiment, config, records);
      if (planned.length === 0) break;
      progress.say(`${planned.length} trainings, ${records.length} done`);
      yield* runRecipes(parts, recipes, planned).pipe(
        Stream.runForEach((record) => {
          records.push(record);
          return Effect.andThen(folder.add(record), leg.note);
        }),
        Effect.provide(metricFile(metrics)),
      );
    }
    const findings = experiment.findings(records, config);
    const { preset: _, ...cost } = yield* leg.cost;
    const result: ExperimentResult = {
      experiment: experiment.name,
      config,
      findings,
      records,
      ...notes.length > 0 ? { notes } : {},
      run: { ...cost, version: project.version },
    };
    yield* folder.finish(result, yield* renderExperiment(experiment, result));
    return yield* outcome(experiment, result, folder);
  })).pipe(Effect.provide(tunedLayer));

// What is said of an experiment that is done, also where it was done before.
const outcome = (
  experiment: Experiment,
  result: ExperimentResult,
  folder: RunFolder<RecipeRecord, ExperimentResult>,
) =>
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal;
    const width = Math.max(40, (yield* terminal.columns) || 100);
    const text = findingsText(experiment, result.findings, width);
    return { text: `\n${text}\n\nReport: ${folder.at("report.html")}`, document: result };
  });

// Files of the user's own where there are any, else the miniature world.
const experimentData = (
  { recipes, measures }: Experiment,
  tokenizer: Tokenizer,
  config: RunConfig,
  seed: number,
  dictionary: Dictionary | undefined,
): Effect.Effect<ExperimentData, RunError, FileSystem.FileSystem> => {
  if (hasOwnData(config)) {
    const facts = recipes(config).some(needsFacts);
    return Effect.provide(ownExperimentData(tokenizer, config, seed, { facts }), layerDatasetsFile);
  }
  return Effect.gen(function* () {
    const data = yield* fixtureExperimentData(tokenizer, config, seed);
    if (!measures.includes("translations")) return data;
    const translation = yield* translationData(tokenizer, config, seed, dictionary);
    return { ...data, translation };
  }).pipe(Effect.provide(layerWorldPhrasings(seed)));
};

/** Preset, the experiment's own settings, then what the user says; a resumed run has its own. */
export const experimentConfig = (
  { experiment, quick, resume, test, questions, phrasings, ...options }: ExperimentSettings,
): Effect.Effect<RunConfig, ConfigError | WeightsError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = Object.entries({ test, questions, phrasings }).flatMap(([name, file]) =>
      file === undefined ? [] : [`data.${name}=${JSON.stringify(file)}`]
    );
    const config = yield* resume === undefined
      ? resolveRunOptions(
        { ...options, set: [...options.set, ...files], initAdapter: undefined },
        [experiment.settings, ...quick ? [experiment.quick] : []],
      )
      : resumedConfig(resume, experiment.name);
    yield* checkOwnData(experiment, config);
    const { initAdapter, data: { dictionary } } = config;
    const problems = [
      ...initAdapter === undefined ? [] : [{
        path: "initAdapter",
        problem: "experiments start from a fresh adapter; leave it out",
      }],
      ...dictionary === undefined || experiment.measures.includes("translations")
        ? []
        : [{ path: "data.dictionary", problem: "only translation reads it; leave it out" }],
    ];
    return problems.length === 0
      ? config
      : yield* new ConfigError({ reason: { _tag: "Invalid", problems } });
  });

// The dictionary that the settings name, first language to second.
const dictionaryOf = ({ data: { dictionary: file } }: RunConfig) =>
  Effect.gen(function* () {
    if (file === undefined) return undefined;
    const fs = yield* FileSystem.FileSystem;
    const unreadable = (problem: string) =>
      new ConfigError({ reason: { _tag: "Unreadable", file, problem } });
    const text = yield* fs.readFileString(file).pipe(
      Effect.mapError((error) => unreadable(fileProblem(error))),
    );
    const { dictionary, problems } = readDictionary(text);
    if (problems.length === 0) return dictionary;
    return yield* unreadable(problems.map(({ path, problem }) => `${path}: ${problem}`).join("; "));
  });
