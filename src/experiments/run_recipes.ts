/** Trains the recipes of an experiment, seed after seed, and measures each. @module */
import { Effect, Stream } from "effect";
import type { RunConfig } from "../config/run_config.ts";
import { encodeChat, type Example } from "../data/example.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { permutation } from "../delia/pcg64.ts";
import { chatOf, type SelfSample } from "../delia/self_sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Decoder } from "../models/decoder.ts";
import { type Adapter, makeAdapter } from "../nn/adapter.ts";
import { mergeWhereSmall } from "../nn/merge.ts";
import type { Progress } from "../report/progress.ts";
import type { MetricLog } from "../training/metric_log.ts";
import type { Measure, Planned, RecipeRecord } from "./experiment.ts";
import { type DiverseQuery, type ExperimentData, translationOf } from "./experiment_data.ts";
import { curveWatch } from "./curves.ts";
import { hashExamples, hashValue } from "./data_hash.ts";
import { measureTrained } from "./measure_trained.ts";
import { makeProbe, type Probe } from "./probe/probe.ts";
import { probeData } from "./probe/probe_data.ts";
import { type DiverseData, needsDiverse, type Recipe } from "./recipe.ts";
import { replaceToken } from "./replaced_token.ts";
import { newRowsOf, type RunError } from "./run_arms.ts";
import { type Trained, trainRecipe } from "./train_recipe.ts";
import { adapterOf } from "./training_variant.ts";
import { usableSamples } from "./usable_samples.ts";

/** What every recipe of an experiment shares. */
export interface RecipeParts {
  readonly config: RunConfig;
  /** The frozen base, with a row for the new token. */
  readonly decoder: Decoder;
  /** Knows the new token. */
  readonly tokenizer: Tokenizer;
  readonly progress: Progress;
  readonly measures: ReadonlyArray<Measure>;
  /** SHA-256 of the base's files, by their names. */
  readonly baseHashes: Readonly<Record<string, string>>;
  readonly dataOf: (seed: number) => Effect.Effect<ExperimentData, RunError>;
  /** The base's answers to questions of a kind: from a cache, or sampled now. */
  readonly answersTo: (
    questions: ReadonlyArray<DiverseQuery>,
    kind: string,
    seed: number,
  ) => Stream.Stream<SelfSample, RunError, Gpu>;
}

/** Which questions a kind of diverse data answers. */
const questionKinds: Readonly<Record<DiverseData, "all" | "near" | "far">> = {
  self_sampled: "all",
  reference: "all",
  shuffled_answers: "all",
  near: "near",
  far: "far",
};

/** Trains and measures `planned`, in order; `recipes` are all of the experiment. */
export const runRecipes = (
  parts: RecipeParts,
  recipes: ReadonlyArray<Recipe>,
  planned: ReadonlyArray<Planned>,
): Stream.Stream<RecipeRecord, RunError, Gpu | MetricLog> => {
  const bySeed = new Map<number, SeedParts>();
  const partsOf = (seed: number) =>
    Effect.gen(function* () {
      const known = bySeed.get(seed);
      if (known) return known;
      const own: SeedParts = { data: yield* parts.dataOf(seed), sampled: new Map() };
      bySeed.set(seed, own);
      return own;
    });
  return Stream.fromIterable(planned).pipe(
    Stream.mapEffect(({ recipe, seed }) =>
      Effect.flatMap(partsOf(seed), (own) => runRecipe(parts, recipe, seed, own, recipes))
    ),
  );
};

/** What the recipes of one seed share. */
interface SeedParts {
  readonly data: ExperimentData;
  /** Samples by the kind of their questions. */
  readonly sampled: Map<string, ReadonlyArray<SelfSample>>;
}

const runRecipe = (
  parts: RecipeParts,
  recipe: Recipe,
  seed: number,
  { data: own, sampled }: SeedParts,
  recipes: ReadonlyArray<Recipe>,
): Effect.Effect<RecipeRecord, RunError, Gpu | MetricLog> =>
  Effect.scoped(Effect.gen(function* () {
    const { config, decoder, tokenizer, progress, measures } = parts;
    const data = recipe.token === undefined ? own : withRareWord(parts, own);
    const diverse = needsDiverse(recipe)
      ? yield* diverseExamples(parts, recipe, seed, data, sampled, most(recipes, config))
      : [];
    const init = recipe.init ?? config.newToken.init;
    const initial = { ...config, newToken: { ...config.newToken, init } };
    const { lora, rows } = adapterOf(recipe.variant ?? {}, {
      lora: config.lora,
      rows: yield* newRowsOf({ decoder, tokenizer, config: initial }, seed),
    });
    const adapter = yield* makeAdapter(decoder, lora, seed, { rows });
    const curves = curveWatch({ decoder: adapter.decoder, adapter }, data, tokenizer, measures);
    const probe = measures.includes("gradients")
      ? yield* probeOf(parts, adapter, seed, data, most(recipes, config))
      : undefined;
    const watch = (done: Trained) =>
      Effect.andThen(curves?.watch(done) ?? Effect.void, probe?.watch(done) ?? Effect.void);
    const task: Pick<ExperimentData, "downstream"> = recipe.direction
      ? translationOf(data, recipe.direction)
      : data;
    const worded = task.downstream[recipe.phrasings];
    if (!worded) throw new Error(`${recipe.name} wants phrasings that the data lack`);
    const downstream = worded.slice(0, recipe.downstreamItems);
    const { facts, tests } = data;
    const trained = yield* trainRecipe(
      recipe,
      adapter,
      { downstream, diverse, facts },
      { config, seed, progress, watch },
    );
    if (probe) yield* probe.measure(trained);
    const measured = yield* measureTrained(
      yield* mergeWhereSmall(adapter),
      {
        ...{ tokenizer, config, progress, seed, label: `${recipe.name} (seed ${seed})` },
        ...recipe.answering ? { answering: recipe.answering } : {},
        ...recipe.direction ? { direction: recipe.direction } : {},
      },
      data,
      measures,
    );
    const probed = probe?.read();
    return {
      ...{ recipe: recipe.name, seed },
      ...trained,
      hashes: {
        ...parts.baseHashes,
        downstream: yield* hashExamples(downstream),
        diverse: yield* hashExamples(diverse),
        facts: yield* hashExamples(facts),
        tests: yield* hashValue({ tests, translation: data.translation }),
      },
      ...measured,
      metrics: { ...measured.metrics, ...probed?.metrics },
      curves: { ...curves?.read(), ...probed?.curves },
    };
  }));

const withRareWord = (
  { config: { newToken: { token } }, tokenizer }: RecipeParts,
  data: ExperimentData,
): ExperimentData => {
  const [tokenId, wordId] = [token, data.rareWord ?? ""].map((text) => tokenizer.idOf(text));
  if (data.rareWord === undefined || tokenId === undefined || wordId === undefined) {
    throw new Error("The data have no rare word of one token");
  }
  return replaceToken(data, { token, tokenId, word: data.rareWord, wordId });
};

/** Optimizer steps before the second look at the gradients; each next one is after twice as many. */
const firstProbe = 16;

const probeOf = (
  { config, tokenizer, progress, answersTo }: RecipeParts,
  adapter: Adapter,
  seed: number,
  data: ExperimentData,
  firstQuestion: number,
): Effect.Effect<Probe, RunError, Gpu> =>
  Effect.map(
    probeData({
      ...{ config, tokenizer, data, firstQuestion },
      answersTo: (questions) =>
        usableSamples(answersTo(questions, "probe", seed), {
          ...{ progress, tokenizer, token: config.newToken.token },
          promptMode: config.sampling.promptMode,
          ...{ label: `self-sampling for the probe, seed ${seed}`, total: questions.length },
        }),
    }),
    (data) => makeProbe(adapter, data, { config, seed, first: firstProbe }),
  );

// The largest number of diverse examples that any recipe takes: sampled once, shared by all.
const most = (recipes: ReadonlyArray<Recipe>, { data, mixing }: RunConfig): number => {
  const ratios = recipes.flatMap(({ stages }) =>
    stages.map(({ diverseRatio }) => diverseRatio ?? mixing.diverseRatio)
  );
  return Math.ceil(data.downstreamItems * Math.max(0, ...ratios));
};

const diverseExamples = (
  { config, tokenizer, progress, answersTo }: RecipeParts,
  { diverse: kind = "self_sampled" }: Recipe,
  seed: number,
  data: ExperimentData,
  sampled: Map<string, ReadonlyArray<SelfSample>>,
  count: number,
): Effect.Effect<ReadonlyArray<Example>, RunError, Gpu> =>
  Effect.gen(function* () {
    const questions = questionKinds[kind];
    if (data.diverse) {
      const chats = data.diverse.slice(0, count);
      return yield* Effect.forEach(chats, (chat) => encodeChat(tokenizer, chat, config.training));
    }
    if (!sampled.has(questions)) {
      const asked = data.questions(count, questions);
      const name = questions === "all" ? "self-sampling" : `self-sampling (${questions})`;
      const samples = yield* usableSamples(answersTo(asked, questions, seed), {
        ...{ progress, tokenizer, token: config.newToken.token },
        promptMode: config.sampling.promptMode,
        ...{ label: `${name}, seed ${seed}`, total: asked.length },
      });
      sampled.set(questions, samples);
    }
    const samples = sampled.get(questions)!;
    const asked = data.questions(count, questions);
    const answers = kind === "shuffled_answers"
      ? Array.from(permutation(samples.length, seed), (i) => samples[i]!.answer)
      : samples.map(({ index, answer }) =>
        kind === "reference" ? asked[index]!.reference! : answer
      );
    return yield* Effect.forEach(
      samples,
      (sample, i) =>
        encodeChat(tokenizer, chatOf({ ...sample, answer: answers[i]! }), config.training),
    );
  });
