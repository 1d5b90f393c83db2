/** The work behind `train`: layers, the stream of arms, the table and the report. @module */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import * as Terminal from "effect/Terminal";
import project from "../../deno.json" with { type: "json" };
import { ConfigError, type ConfigProblem } from "../config/config_error.ts";
import { declaredBehaviours } from "../config/reference_behaviours.ts";
import type { RunConfig } from "../config/run_config.ts";
import { layerDatasetsFile } from "../data/datasets_file.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { writeTokenizer } from "../data/tokenizer_files.ts";
import { defaultRules } from "../delia/diversify.ts";
import { layerPhrasingFile } from "../delia/diversify/file.ts";
import type { Arm } from "../experiments/arms.ts";
import { fileData } from "../experiments/file_data.ts";
import { firstOfEach } from "../experiments/first_of_each.ts";
import { fixtureData, layerWorldPhrasings } from "../experiments/fixture_data.ts";
import { beginLeg, legsFile } from "../experiments/legs.ts";
import type { ArmResult, RunResult } from "../experiments/result.ts";
import type { RunData } from "../experiments/run_data.ts";
import { runArms, type RunError, type RunParts } from "../experiments/run_arms.ts";
import { openRunFolder, type RunFolder } from "../experiments/run_folder.ts";
import type { RunFolderError } from "../experiments/run_folder_error.ts";
import { Gpu } from "../gpu/gpu.ts";
import type { HubError } from "../hub/hub_error.ts";
import type { Decoder } from "../models/decoder.ts";
import type { Adapter } from "../nn/adapter.ts";
import { exportAdapter, importAdapter, rowsProblem } from "../nn/adapter_files.ts";
import { planAdapter, planDifferences, planOfStored } from "../nn/adapter_plan.ts";
import { renderReport } from "../report/report.ts";
import { terminalTable } from "../report/terminal_table.ts";
import { keepRecords, layerFile as metricFile, readRecords } from "../training/metric_log.ts";
import { refuse } from "../weights/files.ts";
import { readAdapter } from "../weights/read_adapter.ts";
import { writeAdapter } from "../weights/write_adapter.ts";
import type { TrainedToken } from "../weights/peft_config.ts";
import { defaultPreset, resumedConfig } from "./config_options.ts";
import { resolveAdapter, resolveModel, type Source } from "./model_source.ts";
import { openBase } from "./open_base.ts";
import { progressOnStderr } from "./progress_bar.ts";
import { refuseOverwrite, runFolderFiles } from "./refuse_overwrite.ts";
import { resolveTrainingOptions, resumeAlone } from "./run_flags.ts";
import { sayIfStopped } from "./stopped.ts";
import type { TrainOptions } from "./train.ts";
import { tunedLayer } from "./tuned_gpu.ts";
import type { UsageError } from "./usage_error.ts";
import type { Outcome } from "./verb.ts";

/** Trains and tests the arms of the config in a run folder, and says how it went. */
export const runTrain = (
  options: TrainOptions,
): Effect.Effect<
  Outcome,
  ConfigError | HubError | RunError | RunFolderError | UsageError,
  FileSystem.FileSystem | Path.Path | Stdio.Stdio | Terminal.Terminal
> =>
  Effect.scoped(Effect.gen(function* () {
    yield* resumeAlone("train", options);
    const started = yield* Clock.currentTimeMillis;
    const asked = yield* options.resume === undefined
      ? resolveTrainingOptions(options)
      : resumedConfig(options.resume);
    const base = yield* resolveModel(asked.model.source);
    const initial = asked.initAdapter === undefined
      ? undefined
      : yield* resolveAdapter(asked.initAdapter);
    const config: RunConfig = {
      ...asked,
      model: { ...asked.model, source: base.source },
      ...initial ? { initAdapter: initial.source } : {},
    };
    const stamp = new Date(started).toISOString().slice(0, 19).replaceAll(":", "-");
    const { preset = defaultPreset } = options;
    const directory = options.resume ?? options.out ?? `runs/${preset}-${stamp}`;
    yield* refuseOverwrite("train", runFolderFiles(directory), {
      ...{ "--model": base.directory, "--init-adapter": initial?.directory },
      ...{ "--data": config.data.downstream, "--diverse": config.data.diverse },
    });
    const folder = yield* openRunFolder<ArmResult, RunResult>(directory, config, "arms.jsonl");
    const missing = config.arms.length * config.seeds - folder.done.length;
    if (folder.result && missing === 0) return yield* outcome(folder.result, folder);
    yield* sayIfStopped("train", directory);
    const { parts, notes, report } = yield* prepare(config, folder, base, initial);
    yield* folder.begin;
    const { done } = folder;
    const metrics = folder.at("metrics.jsonl");
    // An arm that was under way is done again from its first step.
    yield* keepRecords(
      metrics,
      ({ name, seed }) => done.some((arm) => arm.name === name && arm.seed === seed),
    );
    const gpu = yield* Gpu;
    const leg = yield* beginLeg(folder.at(legsFile), {
      preset: options.resume === undefined ? preset : undefined,
      ...{ device: gpu.adapter.name, started, peakBytes: gpu.peakBytes },
    });
    const results: ArmResult[] = [...done];
    yield* runArms(parts, done).pipe(
      Stream.runForEach((arm) => {
        results.push(arm);
        return Effect.andThen(folder.add(arm), leg.note);
      }),
      Effect.provide(metricFile(metrics)),
    );
    const result: RunResult = {
      config,
      arms: results,
      ...notes.length > 0 ? { notes } : {},
      ...yield* leg.cost,
      versions: { delia: project.version, ...runtimeVersions() },
    };
    yield* folder.finish(result, yield* report(result));
    return yield* outcome(result, folder);
  })).pipe(Effect.provide(tunedLayer));

// What is said of a run that is done, also where it was done before.
const outcome = (result: RunResult, folder: RunFolder<ArmResult, RunResult>) =>
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal;
    const width = (yield* terminal.columns) || 100;
    const table = terminalTable(result, { width });
    return { text: `\n${table}\n\nReport: ${folder.at("report.html")}`, document: result };
  });

// Values of the adapter that the run starts from; its sizes and its tokens must be the run's.
const initialValues = (
  { lora }: RunConfig,
  initial: Source | undefined,
  decoder: Decoder,
  tokens: ReadonlyArray<TrainedToken>,
) =>
  Effect.gen(function* () {
    if (initial === undefined) return undefined;
    const stored = yield* readAdapter(initial.directory);
    const planned = yield* planAdapter(decoder, lora);
    const problems = planDifferences(planned, planOfStored(stored)).map(
      ({ option, found }): ConfigProblem => ({
        path: `lora.${option}`,
        problem: `${initial.source} ${found}`,
      }),
    );
    const unread = rowsProblem(stored, tokens.map(({ id }) => id));
    if (unread !== undefined) {
      problems.push({ path: "initAdapter", problem: `${initial.source} ${unread}` });
    }
    return problems.length === 0
      ? importAdapter(decoder, stored)
      : yield* new ConfigError({ reason: { _tag: "Invalid", problems } });
  });

// Loads the base and builds what all arms share.
const prepare = (
  config: RunConfig,
  folder: RunFolder<ArmResult>,
  base: Source,
  initial: Source | undefined,
) =>
  Effect.gen(function* () {
    const progress = yield* progressOnStderr;
    const gpu = yield* Gpu;
    progress.say(`${gpu.adapter.name}; run folder ${folder.at()}`);
    declaredBehaviours(config).forEach(progress.say);
    const files = yield* Effect.context<FileSystem.FileSystem | Path.Path>();
    const { decoder, tokenizer, provenance, tokens, answersTo } = yield* openBase(
      config,
      base,
      progress,
    );
    const { downstream } = config.data;
    // Files hold the same for every seed; what is wrong with them is said before anything is trained.
    const ofFiles = downstream === undefined
      ? undefined
      : yield* Effect.provide(fileData(tokenizer, config, downstream), layerDatasetsFile);
    const notes = ofFiles?.notes ?? [];
    notes.forEach(progress.say);
    const saved = yield* initialValues(config, initial, decoder, tokens);
    const parts: RunParts = {
      config,
      decoder,
      ...saved ? { saved } : {},
      tokenizer,
      progress,
      dataOf: (seed) =>
        ofFiles
          ? Effect.succeed(ofFiles)
          : worldData(config, tokenizer, seed).pipe(Effect.provideContext(files)),
      selfSamples: (queries, seed) => answersTo(queries, folder.at(`diverse-${seed}.jsonl`), seed),
      onAdapter: (arm, seed, adapter) =>
        saveAdapter(folder, arm, config.training.seed === seed, adapter, {
          base: provenance,
          tokens,
          tokenizer,
        }).pipe(Effect.provideContext(files)),
    };
    const report = (result: RunResult) =>
      Effect.flatMap(
        readRecords(folder.at("metrics.jsonl")),
        (records) => renderReport(result, firstOfEach(records)),
      );
    return { parts, notes, report };
  });

// The miniature world, in phrasings of its own or of a file.
const worldData = (
  config: RunConfig,
  tokenizer: Tokenizer,
  seed: number,
): Effect.Effect<RunData, RunError, FileSystem.FileSystem> => {
  const { data: { phrasings }, newToken: { token } } = config;
  const paraphraser = phrasings === undefined
    ? layerWorldPhrasings(seed)
    : layerPhrasingFile(phrasings, { ...defaultRules, token });
  return Effect.provide(fixtureData(tokenizer, config, seed), paraphraser);
};

type About = Parameters<typeof exportAdapter>[1] & {
  readonly tokenizer: Parameters<typeof writeTokenizer>[1];
};

// DELIA's adapter of the first seed is what a user takes home: it stands in `adapter/`.
const saveAdapter = (
  folder: RunFolder<ArmResult>,
  arm: Arm,
  firstSeed: boolean,
  adapter: Adapter,
  about: About,
) =>
  Effect.gen(function* () {
    if (arm.name !== "delia" || !firstSeed) return;
    const directory = folder.at("adapter");
    yield* writeAdapter(directory, yield* exportAdapter(adapter, about));
    yield* writeTokenizer(directory, about.tokenizer).pipe(refuse(directory));
  });

const runtimeVersions = (): Readonly<Record<string, string>> => {
  const { deno, v8 } = (globalThis as {
    readonly Deno?: { readonly version: { readonly deno: string; readonly v8: string } };
  }).Deno?.version ?? {};
  return { ...deno ? { deno } : {}, ...v8 ? { v8 } : {} };
};
