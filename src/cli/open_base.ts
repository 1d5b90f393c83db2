/** The base of a run on the GPU, with its tokenizer, and its answers to questions. @module */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import type * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import type { ConfigError } from "../config/config_error.ts";
import type { RunConfig } from "../config/run_config.ts";
import type { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { readTokenizer } from "../data/tokenizer_files.ts";
import { cachedSelfSample, provenanceOf, type SampleCacheError } from "../delia/sample_cache.ts";
import type { Query, SelfSample } from "../delia/self_sample.ts";
import { checkWording } from "../experiments/check_wording.ts";
import { layerLocal } from "../generation/local_sampler.ts";
import type { SamplerError } from "../generation/sampler.ts";
import { Gpu } from "../gpu/gpu.ts";
import type { ModelShape } from "../models/architecture.ts";
import { chooseStorage } from "../models/choose_storage.ts";
import type { Decoder } from "../models/decoder.ts";
import { loadDecoder } from "../models/load_decoder.ts";
import type { LoadError } from "../models/load_model.ts";
import type { PlannedRun } from "../models/memory_plan.ts";
import { openModel } from "../models/open_model.ts";
import { memoryLines } from "../report/memory_text.ts";
import type { Progress } from "../report/progress.ts";
import { describeBase } from "../weights/adapter_base.ts";
import type { AdapterBase, TrainedToken } from "../weights/peft_config.ts";
import { checkRank } from "./check_rank.ts";
import type { Source } from "./model_source.ts";
import { memoryBudget } from "./model_settings.ts";

/** What every training of a run starts from. */
export interface OpenBase {
  /** Frozen, with a row for the new token. */
  readonly decoder: Decoder;
  /** Knows the new token. */
  readonly tokenizer: Tokenizer;
  /** What an adapter records of its base and of the new token. */
  readonly provenance: AdapterBase;
  readonly tokens: ReadonlyArray<TrainedToken>;
  /** The base's answers for `seed`: those that `file` holds, then new ones, which are added to it. */
  readonly answersTo: (
    questions: ReadonlyArray<Query>,
    file: string,
    seed: number,
  ) => Stream.Stream<SelfSample, SampleCacheError | DataError | SamplerError, Gpu>;
}

/** Opens the base that `config` names, found at `source`; says on `progress` what it will take. */
export const openBase: (
  config: RunConfig,
  source: Source,
  progress: Progress,
) => Effect.Effect<
  OpenBase,
  LoadError | ConfigError,
  Gpu | FileSystem.FileSystem | Path.Path | Scope.Scope
> = Effect.fnUntraced(function* (config, { directory, name }, progress) {
  const files = yield* Effect.context<FileSystem.FileSystem | Path.Path>();
  const base = yield* readTokenizer(directory);
  const { token, init } = config.newToken;
  const { tokenizer, ids } = base.withTokens([token]);
  yield* checkWording(config, tokenizer);
  const opened = yield* openModel(directory);
  yield* checkRank(config.lora, opened);
  const choice = yield* chooseStorage(opened, plannedRun(config, opened.shape), {
    storage: config.model.storage,
    budget: yield* memoryBudget(config.model),
  });
  memoryLines(choice, config).forEach(progress.say);
  const { architecture, shape, weights } = opened;
  const decoder = yield* loadDecoder(architecture, shape, weights, {
    newIds: ids,
    storage: choice.storage,
    ...config.model.positions === undefined ? {} : { positions: config.model.positions },
  });
  const provenance = { ...yield* describeBase(directory, base.vocabSize), model: name };
  return {
    decoder,
    tokenizer,
    provenance,
    tokens: ids.map((id) => ({ id, token, init })),
    answersTo: (questions, file, seed) => {
      const sampling = { ...config.sampling, seed: config.sampling.seed + seed };
      const cache = { file, provenance: provenanceOf(provenance.sha256 ?? {}, sampling) };
      return cachedSelfSample(cache, questions, base, sampling).pipe(
        Stream.provide(layerLocal({ decoder }, config.sampling.batchSize)),
        Stream.provideContext(files),
      );
    },
  };
});

/** The most that a run of `config` can hold at once. */
export const plannedRun = (
  { data, lora, training, sampling }: RunConfig,
  { maxPositions }: ModelShape,
): Omit<PlannedRun, "storage"> => {
  const longest = Math.min(training.maxTokens, maxPositions);
  return {
    newTokens: 1,
    lora,
    trainedTokens: training.batchSize * longest,
    gradientCheckpointing: training.gradientCheckpointing,
    generated: {
      batch: sampling.batchSize,
      tokens: Math.min(
        maxPositions,
        longest + Math.max(sampling.maxNewTokens, data.answerTokens ?? 0),
      ),
      prompt: longest,
    },
  };
};
