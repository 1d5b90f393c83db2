/** The run behind `train`: data for each seed, every arm trained on it, every arm tested. @module */
import { Clock, Effect, Stream } from "effect";
import type { ArmName, RunConfig } from "../config/run_config.ts";
import type { DataError } from "../data/data_error.ts";
import { encodeChat, type Example } from "../data/example.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { ParaphraserError } from "../delia/diversify.ts";
import { initialRow, meanRow, type TrainedTable } from "../delia/new_tokens.ts";
import type { SampleCacheError } from "../delia/sample_cache_error.ts";
import { chatOf, type Query, type SelfSample } from "../delia/self_sample.ts";
import type { SamplerError } from "../generation/sampler.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { Decoder } from "../models/decoder.ts";
import { downloadTable } from "../models/download_table.ts";
import type { ModelError } from "../models/model_error.ts";
import { type Adapter, makeAdapter, type NewRows, type SavedValues } from "../nn/adapter.ts";
import { mergeWhereSmall } from "../nn/merge.ts";
import type { Progress } from "../report/progress.ts";
import type { MetricLog } from "../training/metric_log.ts";
import type { TrainingError } from "../training/training_error.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { answerTokensOf } from "./answering.ts";
import { type Arm, arms } from "./arms.ts";
import { evaluateArm, type Evaluation } from "./evaluate_arm.ts";
import type { RunData } from "./run_data.ts";
import { needsDiverse } from "./recipe.ts";
import type { ArmResult } from "./result.ts";
import { type RecipeData, type Trained, trainRecipe } from "./train_recipe.ts";
import { usableSamples } from "./usable_samples.ts";

/** What every arm of a run shares. */
export interface RunParts {
  readonly config: RunConfig;
  /** The frozen base, with a row for the new token. */
  readonly decoder: Decoder;
  /** Values of the adapter that every arm starts from; a fresh one unless given. */
  readonly saved?: SavedValues;
  /** Knows the new token. */
  readonly tokenizer: Tokenizer;
  readonly progress: Progress;
  /** Downstream data, questions and tests of a seed. */
  readonly dataOf: (seed: number) => Effect.Effect<RunData, RunError>;
  /** Answers the questions of a seed: from a cache, or by the base itself. */
  readonly selfSamples: (
    queries: ReadonlyArray<Query>,
    seed: number,
  ) => Stream.Stream<SelfSample, RunError, Gpu>;
  /** Sees each trained adapter while it is still on the GPU. */
  readonly onAdapter: (
    arm: Arm,
    seed: number,
    adapter: Adapter,
  ) => Effect.Effect<void, RunError, Gpu>;
}

/** Whatever may stop a run. */
export type RunError =
  | DataError
  | GpuError
  | ModelError
  | ParaphraserError
  | SampleCacheError
  | SamplerError
  | TrainingError
  | WeightsError;

/** What one seed trains on. */
interface SeedData {
  readonly seed: number;
  readonly data: RunData;
  readonly diverse: ReadonlyArray<Example>;
  readonly rows: NewRows;
}

/** The rows that the new token begins with: the head's is the mean row, and stays. */
export const newRowsOf = (
  { decoder, tokenizer, config: { newToken } }: Pick<RunParts, "decoder" | "tokenizer" | "config">,
  seed: number,
): Effect.Effect<NewRows, GpuError, Gpu> =>
  Effect.gen(function* () {
    const { hidden, tiedHead, initializerRange } = decoder.shape;
    const id = tokenizer.idOf(newToken.token)!;
    const tableOf = (data: Float32Array): TrainedTable => ({ data, vocab: id, hidden });
    const input = initialRow(
      newToken.init,
      tableOf(yield* downloadTable(decoder.embedding)),
      {
        seed: newToken.seed + seed,
        stream: 0,
        initializerRange,
        ...newToken.text === undefined ? {} : { description: tokenizer.encode(newToken.text) },
      },
    );
    const output = tiedHead ? {} : { output: meanRow(tableOf(yield* downloadTable(decoder.head))) };
    return { ids: [id], input, ...output, trained: true };
  });

// Self-samples as examples; what cannot be used is left out, and said.
const diverseExamples = (
  { config, tokenizer, progress, selfSamples }: RunParts,
  { diverse }: RunData,
  seed: number,
): Effect.Effect<ReadonlyArray<Example>, RunError, Gpu> =>
  Effect.gen(function* () {
    if ("examples" in diverse) return diverse.examples;
    const kept = yield* usableSamples(selfSamples(diverse, seed), {
      ...{ progress, tokenizer, token: config.newToken.token },
      promptMode: config.sampling.promptMode,
      ...{ label: "self-sampling", total: diverse.length },
    });
    return yield* Effect.forEach(
      kept,
      (sample) => encodeChat(tokenizer, chatOf(sample), config.training),
    );
  });

// One arm on one seed. `base` is the untouched model with the new token's first row.
const runArm = (
  parts: RunParts,
  arm: Arm | undefined,
  seedData: SeedData,
): Effect.Effect<ArmResult, RunError, Gpu | MetricLog> =>
  Effect.scoped(Effect.gen(function* () {
    const { config, decoder, saved, progress } = parts;
    const { seed, rows } = seedData;
    const started = yield* Clock.currentTimeMillis;
    const adapter = yield* makeAdapter(decoder, config.lora, seed, {
      rows,
      ...saved ? { saved } : {},
    });
    const name = arm?.name ?? "base";
    const trained: Pick<Trained, "steps" | "exposures" | "shortage"> = arm
      ? yield* trainRecipe(arm, adapter, dataOfArm(arm, seedData), { config, seed, progress })
      : { steps: 0, exposures: 0 };
    if (arm) yield* parts.onAdapter(arm, seed, adapter);
    const evaluation = yield* testArm(parts, name, adapter, seedData);
    const ended = yield* Clock.currentTimeMillis;
    const { steps, exposures, shortage } = trained;
    const { metrics, samples } = evaluation;
    const seconds = (ended - started) / 1000;
    const missing = shortage === undefined ? {} : { shortage };
    return { name, seed, steps, exposures, ...missing, seconds, metrics, samples };
  }));

const dataOfArm = ({ phrasings }: Arm, { data, diverse }: SeedData): RecipeData => ({
  downstream: data.downstream[phrasings] ?? [],
  diverse,
  facts: [],
});

const testArm = (
  { config, tokenizer, progress }: RunParts,
  name: ArmName,
  adapter: Adapter,
  { seed, data: { tests } }: SeedData,
): Effect.Effect<Pick<Evaluation, "metrics" | "samples">, RunError, Gpu> =>
  Effect.gen(function* () {
    if (!tests) return { metrics: {}, samples: [] };
    const count = Object.values(tests.sets).reduce((sum, items) => sum + items.length, 0);
    const part = progress.begin(`testing ${name} (seed ${seed})`, count, "prompts");
    const evaluation = yield* evaluateArm(
      yield* mergeWhereSmall(adapter),
      tokenizer,
      tests,
      {
        maxNewTokens: answerTokensOf(config),
        batchSize: config.sampling.batchSize,
        kept: 6,
        onAnswered: (done) => part.advance(done),
      },
    );
    part.end();
    return evaluation;
  }).pipe(Effect.scoped);

/** Trains and tests the configured arms, seed after seed; those in `done` are left out. */
export const runArms = (
  parts: RunParts,
  done: ReadonlyArray<Pick<ArmResult, "name" | "seed">> = [],
): Stream.Stream<ArmResult, RunError, Gpu | MetricLog> => {
  const { config: { arms: wanted, training, seeds } } = parts;
  const openArms = (seed: number): ReadonlyArray<Arm | undefined> =>
    [undefined, ...arms].filter((arm) => {
      const name = arm?.name ?? "base";
      return wanted.includes(name) && !done.some((it) => it.name === name && it.seed === seed);
    });
  return Stream.range(training.seed, training.seed + seeds - 1).pipe(
    Stream.map((seed) => ({ seed, chosen: openArms(seed) })),
    Stream.filter(({ chosen }) => chosen.length > 0),
    Stream.mapEffect(({ seed, chosen }) =>
      Effect.gen(function* () {
        const data = yield* parts.dataOf(seed);
        const diverse = chosen.some((arm) => arm && needsDiverse(arm))
          ? yield* diverseExamples(parts, data, seed)
          : [];
        return { chosen, seed, data, diverse, rows: yield* newRowsOf(parts, seed) };
      })
    ),
    Stream.flatMap(({ chosen, ...seedData }) =>
      Stream.fromIterable(chosen).pipe(Stream.mapEffect((arm) => runArm(parts, arm, seedData)))
    ),
  );
};
