/** What a trained recipe is measured by. @module */
import { Effect, Stream } from "effect";
import { isJson } from "../../fixtures/world/judge.ts";
import type { RunConfig } from "../config/run_config.ts";
import type { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { distanceMetrics } from "../evaluation/distance_metrics.ts";
import { distances } from "../evaluation/distances.ts";
import { layerLocal } from "../generation/local_sampler.ts";
import { Sampler, type SamplerError } from "../generation/sampler.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { ModelError } from "../models/model_error.ts";
import type { Subject } from "../nn/adapter.ts";
import type { Progress } from "../report/progress.ts";
import { evaluateArm } from "./evaluate_arm.ts";
import type { Answer, Measure, RecipeRecord } from "./experiment.ts";
import type { Demonstration, ExperimentData } from "./experiment_data.ts";

/** How to measure, and what is shown meanwhile. */
export interface MeasureContext {
  readonly tokenizer: Tokenizer;
  readonly config: RunConfig;
  readonly progress: Progress;
  /** What is being measured, for people. */
  readonly label: string;
}

/** The part of a record that is measured at the end. */
export type Measured = Pick<RecipeRecord, "metrics" | "items" | "answers">;

/** Answers the test sets and the demonstrations, and measures distances, as far as asked for. */
export const measureTrained = (
  subject: Subject,
  context: MeasureContext,
  data: ExperimentData,
  measures: ReadonlyArray<Measure>,
): Effect.Effect<Measured, GpuError | ModelError | SamplerError | DataError, Gpu> =>
  Effect.gen(function* () {
    const parts: Measured[] = [];
    if (measures.includes("rates")) parts.push(yield* ratesOf(subject, context, data));
    if (measures.includes("distances")) {
      const { tokenizer } = context;
      const measured = yield* distances(subject, tokenizer, data.tests.slots);
      parts.push({ metrics: distanceMetrics(measured), items: {}, answers: [] });
    }
    if (measures.includes("demonstrations")) {
      parts.push(yield* demonstrate(subject, context, data.demonstrations));
    }
    return {
      metrics: Object.assign({}, ...parts.map(({ metrics }) => metrics)),
      items: Object.assign({}, ...parts.map(({ items }) => items)),
      answers: parts.flatMap(({ answers }) => answers),
    };
  });

/** Answers of each test that a record keeps. */
const keptAnswers = 4;

const ratesOf = (
  subject: Subject,
  { tokenizer, config: { sampling }, progress, label }: MeasureContext,
  { tests }: ExperimentData,
): Effect.Effect<Measured, GpuError | SamplerError | DataError, Gpu> =>
  Effect.gen(function* () {
    const count = Object.values(tests.sets).reduce((sum, items) => sum + items.length, 0);
    const part = progress.begin(`testing ${label}`, count, "prompts");
    const { metrics, items, samples } = yield* evaluateArm(subject, tokenizer, tests, {
      maxNewTokens: sampling.maxNewTokens,
      batchSize: sampling.batchSize,
      kept: keptAnswers,
      onAnswered: (done) => part.advance(done),
    });
    part.end();
    return { metrics, items, answers: samples };
  });

const demonstrate = (
  subject: Subject,
  { tokenizer, config: { sampling } }: MeasureContext,
  demonstrations: ReadonlyArray<Demonstration>,
): Effect.Effect<Measured, GpuError | SamplerError | DataError, Gpu> =>
  Effect.gen(function* () {
    const prompts = yield* Effect.forEach(demonstrations, ({ prompt }) =>
      Effect.map(
        tokenizer.render([{ role: "user", content: prompt }], { addGenerationPrompt: true }),
        ({ ids }) => ({ ids, seed: 0 }),
      ));
    const sampler = yield* Sampler;
    const completions = yield* Stream.runCollect(sampler.generate(prompts, {
      temperature: 0,
      topP: 1,
      maxNewTokens: sampling.maxNewTokens,
      stopIds: tokenizer.stopIds,
      valid: tokenizer.vocabSize,
    }));
    const answers = completions.toSorted((a, b) => a.index - b.index).map(
      ({ index, ids }): Answer => {
        const { prompt, clause, asks } = demonstrations[index]!;
        const answer = tokenizer.decode(ids);
        const wanted = asks ? "json" : "not json";
        const right = isJson(answer) === asks;
        return { test: "demonstrations", prompt, label: clause, answer, wanted, right };
      },
    );
    const right = answers.map((answer) => answer.right ? 1 : 0);
    const rate = right.reduce((sum: number, one) => sum + one, 0) / right.length;
    return { metrics: { demonstrations: rate }, items: { demonstrations: right }, answers };
  }).pipe(Effect.provide(layerLocal(subject, sampling.batchSize)));
