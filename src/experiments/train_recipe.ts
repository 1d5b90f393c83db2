/** Trains an adapter by a recipe, stage after stage. @module */
import { Effect, Stream } from "effect";
import type { RunConfig } from "../config/run_config.ts";
import type { Example } from "../data/example.ts";
import { shortageNote } from "../delia/mixing.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import { randomBits } from "../gpu/random.ts";
import type { ModelError } from "../models/model_error.ts";
import type { Adapter } from "../nn/adapter.ts";
import { resetMoments } from "../nn/parameters.ts";
import type { Progress } from "../report/progress.ts";
import { MetricLog, recordOf } from "../training/metric_log.ts";
import type { StepOptions } from "../training/step.ts";
import { type StepReport, train } from "../training/train.ts";
import { errorIn, type TrainingError } from "../training/training_error.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { Recipe, Stage } from "./recipe.ts";
import { mixingOf, orderOfStage, type StageItem, type StageSizes } from "./stage_order.ts";
import { exampleOf, stepOptionsOf } from "./training_variant.ts";

/** The examples that a recipe draws from. */
export interface RecipeData {
  readonly downstream: ReadonlyArray<Example>;
  readonly diverse: ReadonlyArray<Example>;
  readonly facts: ReadonlyArray<Example>;
}

/** What was done. */
export interface Trained {
  readonly steps: number;
  readonly tokens: number;
  readonly supervisedTokens: number;
  /** Downstream examples seen, repetitions counted. */
  readonly exposures: number;
  /** Diverse examples that an epoch wanted and that were not there; absent where none was missing. */
  readonly shortage?: number;
}

/** How to train, and who watches. */
export interface RecipeTraining {
  readonly config: Pick<RunConfig, "mixing" | "training" | "optimizer">;
  readonly seed: number;
  readonly progress: Progress;
  /** Sees the adapter before the first step, then at every read of the losses, and at the end. */
  readonly watch?: (done: Trained) => Effect.Effect<void, GpuError | ModelError, Gpu>;
}

/** Whatever may stop a recipe. */
export type RecipeError = GpuError | ModelError | TrainingError | WeightsError;

/** Steps between two reads of the losses. */
const reportEvery = 8;

/**
 * Trains `adapter` by `recipe`; its losses go to the metric log under the recipe's name. What a variant
 * changes of an adapter (`adapterOf`) is up to who makes it.
 */
export const trainRecipe = (
  recipe: Recipe,
  adapter: Adapter,
  data: RecipeData,
  training: RecipeTraining,
): Effect.Effect<Trained, RecipeError, Gpu | MetricLog> =>
  Effect.gen(function* () {
    const { watch = () => Effect.void } = training;
    const options = yield* stepOptionsOf(recipe.variant ?? {}, adapter);
    let done: Trained = { steps: 0, tokens: 0, supervisedTokens: 0, exposures: 0 };
    yield* watch(done);
    for (const [index, stage] of recipe.stages.entries()) {
      if (index > 0) yield* resetMoments(adapter.parameters);
      done = yield* trainStage({ recipe, stage, index, options }, adapter, data, training, done);
    }
    return done;
  }).pipe(Effect.scoped);

const trainStage = (
  { recipe, stage, index, options }: {
    readonly recipe: Recipe;
    readonly stage: Stage;
    readonly index: number;
    readonly options: Partial<StepOptions>;
  },
  adapter: Adapter,
  data: RecipeData,
  { config, seed, progress, watch = () => Effect.void }: RecipeTraining,
  before: Trained,
): Effect.Effect<Trained, RecipeError, Gpu | MetricLog> =>
  Effect.gen(function* () {
    const log = yield* MetricLog;
    const { batchSize, accumulationSteps, gradientCheckpointing } = config.training;
    const order = orderOfStage(stage, config, sizesOf(data), seed, index);
    const perStep = batchSize * accumulationSteps;
    const steps = Math.ceil(order.length / perStep);
    const label = recipe.stages.length > 1 ? `${recipe.name}, stage ${index + 1}` : recipe.name;
    const missing = shortageOf(stage, config, sizesOf(data));
    const shortage = Math.max(missing, before.shortage ?? 0);
    if (missing > 0) progress.say(`${label} (seed ${seed}): ${shortageNote(missing)}`);
    const part = progress.begin(`${label} (seed ${seed})`, steps, "steps");
    let done = before;
    const keep = (reports: ReadonlyArray<StepReport>) =>
      Effect.gen(function* () {
        yield* log.write(
          reports.map((report) =>
            recordOf(recipe.name, seed, { ...report, step: before.steps + report.step })
          ),
        );
        const { step, loss } = reports.at(-1)!;
        const seen = order.slice(0, (step + 1) * perStep);
        done = {
          steps: before.steps + step + 1,
          tokens: done.tokens + sum(reports, "tokens"),
          supervisedTokens: done.supervisedTokens + sum(reports, "supervisedTokens"),
          exposures: before.exposures + seen.filter(({ source }) => source === "downstream").length,
          ...shortage > 0 ? { shortage } : {},
        };
        part.advance(step + 1, `loss ${loss.toFixed(3)}`);
        yield* watch(done);
      });
    yield* train(
      { decoder: adapter.decoder, adapter, parameters: adapter.parameters },
      {
        optimizer: config.optimizer,
        // Steps count from 0 in every stage: with one seed a later one would draw the first's masks again.
        seed: index === 0 ? seed : randomBits(seed, index, 0),
        gradientCheckpointing,
        batchSize,
        accumulationSteps,
        steps,
        reportEvery,
        ...options,
      },
      Stream.map(
        Stream.fromIterable(order),
        (item) => exampleOf(recipe.variant ?? {}, shown(item, stage, data), item.source),
      ),
    ).pipe(
      Stream.mapError(errorIn(recipe.name, before.steps)),
      Stream.grouped(reportEvery),
      Stream.runForEach(keep),
    );
    part.end();
    return done;
  });

const shortageOf = (
  { data, diverseRatio }: Stage,
  config: Pick<RunConfig, "mixing">,
  sizes: StageSizes,
): number =>
  data === "mixed" || data === "diverse_and_share"
    ? mixingOf(config, diverseRatio).shortage(sizes)
    : 0;

const sizesOf = ({ downstream, diverse, facts }: RecipeData): StageSizes => ({
  downstream: downstream.length,
  diverse: diverse.length,
  facts: facts.length,
});

const shown = (
  { source, index }: StageItem,
  { muteDiverse = false }: Stage,
  data: RecipeData,
): Example => {
  const example = data[source][index]!;
  return muteDiverse && source === "diverse" ? { ...example, muted: true } : example;
};

const sum = (
  reports: ReadonlyArray<StepReport>,
  field: "tokens" | "supervisedTokens",
): number => reports.reduce((total, report) => total + report[field], 0);
