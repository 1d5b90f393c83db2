/** `sample`: lets the base model answer prompts, to make diverse data or targets of its own. @module */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import { diversePrompts } from "../../fixtures/world/downstream.ts";
import type { ConfigError } from "../config/config_error.ts";
import type { RunConfig } from "../config/run_config.ts";
import { layerDatasetsFile } from "../data/datasets_file.ts";
import {
  cachedSelfSample,
  type Provenance,
  provenanceFile,
  provenanceOf,
  SampleCacheError,
} from "../delia/sample_cache.ts";
import { isGuided } from "../delia/guided_prompt.ts";
import { type Query, type Rejection, rejectionOf } from "../delia/self_sample.ts";
import { checkWording } from "../experiments/check_wording.ts";
import { readQuestions } from "../experiments/own_experiment_data.ts";
import { RunFolderError } from "../experiments/run_folder_error.ts";
import { takeLock } from "../files/lock.ts";
import { layerLocal } from "../generation/local_sampler.ts";
import type { SamplerError } from "../generation/sampler.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { HubError } from "../hub/hub_error.ts";
import { type LoadError, loadModel } from "../models/load_model.ts";
import { counted } from "../report/columns.ts";
import { describeBase, hashAdapter } from "../weights/adapter_base.ts";
import { refuse } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import {
  initAdapter,
  resolveOptions,
  settingFlags,
  type SettingOptions,
} from "./config_options.ts";
import { type Flags, json, model, orUndefined, out, prompts } from "./flags.ts";
import { needTokenizer } from "./ids.ts";
import { loadOptions } from "./model_settings.ts";
import { resolveAdapter, resolveModel } from "./model_source.ts";
import { progressOnStderr } from "./progress_bar.ts";
import { refuseOverwrite } from "./refuse_overwrite.ts";
import type { UsageError } from "./usage_error.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `sample`. */
export interface SampleOptions extends SettingOptions {
  readonly model: string | undefined;
  /** Adapter to answer with; undefined: that of the settings, where they name one. */
  readonly initAdapter: string | undefined;
  readonly json: boolean;
  /** Chats of a question and perhaps a reference answer; undefined: those of the miniature world. */
  readonly prompts: string | undefined;
  /** JSONL file that answers are appended to; a second run goes on where the first stopped. */
  readonly out: string;
}

const flags: Flags<SampleOptions> = {
  ...settingFlags,
  model: orUndefined(model),
  initAdapter: initAdapter("Trained adapter to answer with, rather than the base alone"),
  json,
  prompts: orUndefined(prompts),
  out: out("FILE", "JSONL file to append to; a second run goes on where the first stopped"),
};

const help: VerbHelp<"sample"> = {
  name: "sample",
  description: "Let the base model answer prompts, to make diverse data or targets of its own",
  examples: [{
    command: "deno task delia sample --out runs/diverse.jsonl --set sampling.promptMode=none",
    description: "Answers to prompts of the miniature world",
  }, {
    command: "deno task delia sample --model DIR --prompts task.jsonl --out own.jsonl " +
      "--set sampling.promptMode=using",
    description: "A task's answers in the model's own words, for `train --data own.jsonl`",
  }],
};

/** The verb around the work that `run` does. */
export const sampleVerb = <E, R>(
  run: Run<SampleOptions, E, R>,
): Verb<"sample", SampleOptions, E, R> => verb(help, flags, run);

/** What `sample --json` prints. */
export interface SampleDocument {
  readonly file: string;
  /** Answers to the prompts, those included that the file held before. */
  readonly samples: number;
  /** Answers that training would leave out, by reason. */
  readonly rejected: Readonly<Record<Rejection, number>>;
}

/** Lets the base answer the prompts that the file does not hold yet. */
export const runSample = (
  { prompts, out, ...options }: SampleOptions,
): Effect.Effect<
  { readonly text: string; readonly document: SampleDocument },
  | LoadError
  | HubError
  | ConfigError
  | RunFolderError
  | SampleCacheError
  | SamplerError
  | UsageError,
  Gpu | FileSystem.FileSystem | Path.Path | Stdio.Stdio
> =>
  Effect.scoped(Effect.gen(function* () {
    const config = yield* resolveOptions(options);
    yield* refuseOverwrite("sample", [out], { "--prompts": prompts, "--config": options.config });
    yield* prepareFile(out);
    const queries = prompts === undefined
      ? worldQueries(config)
      : yield* readQuestions(prompts).pipe(Effect.provide(layerDatasetsFile));
    yield* holdFile(out);
    const { directory } = yield* resolveModel(config.model.source);
    const settings = yield* loadOptions(config.model, { sampling: config.sampling });
    // No more run at once than there are.
    const batch = { batch: Math.max(1, Math.min(config.sampling.batchSize, queries.length)) };
    const adapter = config.initAdapter === undefined
      ? undefined
      : (yield* resolveAdapter(config.initAdapter)).directory;
    const { subject, tokenizer: found } = yield* loadModel(directory, adapter, {
      ...settings,
      ...batch,
    });
    const tokenizer = yield* needTokenizer(found, directory);
    yield* checkWording(config, tokenizer);
    const { sha256 = {} } = yield* describeBase(directory, tokenizer.vocabSize);
    // The seed that a run draws its first seed's diverse data with.
    const sampling = { ...config.sampling, seed: config.sampling.seed + config.training.seed };
    const provenance = {
      ...provenanceOf(sha256, sampling),
      ...adapter === undefined ? {} : adapterProvenance(yield* hashAdapter(adapter)),
    };
    const rejected: Record<Rejection, number> = {
      ...{ empty: 0, cut_off: 0, names_new_token: 0, speaks_of_reference: 0, special_token: 0 },
    };
    const { newToken: { token }, sampling: { promptMode } } = config;
    const [total, label] = [queries.length, "self-sampling"];
    const part = (yield* progressOnStderr).begin(label, total, "answers");
    let samples = 0;
    yield* cachedSelfSample({ file: out, provenance }, queries, tokenizer, sampling).pipe(
      Stream.runForEach((sample) =>
        Effect.sync(() => {
          const rejection = rejectionOf(sample, token, { tokenizer, promptMode });
          if (rejection) rejected[rejection]++;
          part.advance(++samples);
        })
      ),
      Effect.provide(layerLocal(subject, config.sampling.batchSize)),
    );
    part.end();
    const { empty, cut_off, names_new_token, speaks_of_reference, special_token } = rejected;
    const speaking = isGuided(promptMode) ? `, ${speaks_of_reference} of the reference answer` : "";
    return {
      text: `${counted(samples, "answer")} in ${out}; training leaves out ${empty} empty, ` +
        `${cut_off} cut off, ${names_new_token} with ${token}, ` +
        `${special_token} with special tokens${speaking}`,
      document: { file: out, samples, rejected },
    };
  }));

// A file that is none of `sample`'s has no provenance beside it, and is left alone; a new one gets its folder.
const prepareFile = (
  file: string,
): Effect.Effect<
  void,
  SampleCacheError | WeightsError,
  FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const there = yield* fs.exists(file).pipe(refuse(file));
    if (!there) {
      const directory = path.dirname(file);
      return yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
    }
    const { type } = yield* fs.stat(file).pipe(refuse(file));
    const own = type === "File" && (yield* fs.exists(provenanceFile(file)).pipe(refuse(file)));
    if (own) return;
    const problem = type === "Directory"
      ? "is a directory; give a file"
      : "was not made by sample and is not overwritten; choose another --out";
    return yield* new SampleCacheError({ reason: { _tag: "Unreadable", file, problem } });
  });

// Another adapter gives other answers: a file is gone on with by the same.
const adapterProvenance = (sha256: Readonly<Record<string, string>>): Provenance =>
  Object.fromEntries(Object.entries(sha256).map(([name, hash]) => [`adapter.${name}`, hash]));

// Two that append to one file would answer every question twice.
const holdFile = Effect.fnUntraced(function* (file: string) {
  const lock = `${file}.lock`;
  if (yield* takeLock(lock).pipe(refuse(lock))) return;
  return yield* new RunFolderError({ reason: { _tag: "InUse", place: file } });
});

/** The questions that a run on the miniature world asks. */
const worldQueries = ({ data, mixing, training }: RunConfig): ReadonlyArray<Query> =>
  diversePrompts(training.seed, Math.ceil(data.downstreamItems * mixing.diverseRatio)).map(
    ({ messages, reference }) => ({ question: messages.at(-1)!.content, reference }),
  );
