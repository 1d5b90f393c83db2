/** Tests a model on the miniature world: what it answers, and where its new token lies. @module */
import { Effect, Stream } from "effect";
import { verdictOf } from "../../fixtures/world/judge.ts";
import { isWanted, type TestItem } from "../../fixtures/world/test_sets.ts";
import type { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { slotDistance } from "../evaluation/slot_distance.ts";
import type { SamplerError } from "../generation/sampler.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { Subject } from "../nn/adapter.ts";
import { type AnswerChats, greedy, plainAnswers } from "./answering.ts";
import type { RunTests } from "./run_data.ts";
import { type RateName, rateNames, type Sample, selectivityOf } from "./result.ts";

/** Metrics and the first answers of each test set. */
export interface Evaluation {
  readonly metrics: Readonly<Record<string, number>>;
  /** By rate, whether each item's answer is as wanted: 1 or 0. */
  readonly items: Readonly<Record<string, ReadonlyArray<number>>>;
  readonly samples: ReadonlyArray<Sample>;
}

/** How to test. */
export interface EvaluationOptions {
  /** Tokens an answer may have. */
  readonly maxNewTokens: number;
  /** Prompts answered at once. */
  readonly batchSize: number;
  /** Answers of each test set to keep. */
  readonly kept: number;
  /** Told how many prompts are answered. */
  readonly onAnswered: (count: number) => void;
  /** Who answers; the subject itself, prompts as they are, unless told. */
  readonly answers?: AnswerChats;
}

interface Question {
  readonly test: RateName;
  readonly item: TestItem;
}

interface Answered extends Question {
  readonly answer: string;
}

const meanOf = (values: ReadonlyArray<boolean>): number =>
  values.filter((value) => value).length / values.length;

const ratesOf = (test: RateName, answered: ReadonlyArray<Answered>): Record<string, number> => {
  const own = answered.filter((it) => it.test === test);
  const checks = own.filter(({ item }) => item.task.family === "check");
  return {
    [test]: meanOf(own.map(({ item, answer }) => isWanted(item, answer))),
    [`${test}_exact`]: meanOf(own.map(({ item, answer }) => answer === item.expected)),
    ...checks.length > 0
      ? {
        [`${test}_verdict`]: meanOf(
          checks.map(({ item, answer }) => verdictOf(answer) === item.task.answer),
        ),
      }
      : {},
  };
};

/** Words that the new token is compared with, each one token. */
const comparedWords = ["json", "thought"] as const;

const distances = (subject: Subject, { slots }: RunTests, tokenizer: Tokenizer) =>
  Effect.gen(function* () {
    const metrics: Record<string, number> = {};
    for (const word of comparedWords) {
      const id = tokenizer.idOf(word);
      if (id === undefined) continue;
      const distance = yield* slotDistance(subject, slots, id);
      for (const block of ["first", "middle", "last"] as const) {
        metrics[`l2_${word}_${block}`] = distance[block];
      }
    }
    return metrics;
  });

/** Answers every test set greedily and measures L2 at the slot. */
export const evaluateArm = (
  subject: Subject,
  tokenizer: Tokenizer,
  tests: RunTests,
  {
    maxNewTokens,
    batchSize,
    kept,
    onAnswered,
    answers: answer = plainAnswers({ subject, tokenizer, batchSize }),
  }: EvaluationOptions,
): Effect.Effect<Evaluation, GpuError | SamplerError | DataError, Gpu> =>
  Effect.gen(function* () {
    const questions = rateNames.flatMap((test) =>
      tests.sets[test].map((item): Question => ({ test, item }))
    );
    const chats = questions.map(({ item }) => item.messages);
    const answers = new Array<string>(questions.length);
    let count = 0;
    yield* answer(chats, greedy(tokenizer, maxNewTokens)).pipe(
      Stream.runForEach(({ index, ids }) =>
        Effect.sync(() => {
          answers[index] = tokenizer.decode(ids);
          onAnswered(++count);
        })
      ),
    );
    const answered = questions.map((question, index): Answered => ({
      ...question,
      answer: answers[index]!,
    }));
    const rates = Object.assign({}, ...rateNames.map((test) => ratesOf(test, answered)));
    return {
      metrics: {
        ...rates,
        selectivity: selectivityOf(rates),
        ...yield* distances(subject, tests, tokenizer),
      },
      items: Object.fromEntries(rateNames.map((test) => [
        test,
        answered.filter((it) => it.test === test)
          .map(({ item, answer }) => isWanted(item, answer) ? 1 : 0),
      ])),
      samples: rateNames.flatMap((test) =>
        answered.filter((it) => it.test === test).slice(0, kept).map(({ item, answer }) => ({
          test,
          prompt: item.messages.at(-1)!.content,
          answer,
          wanted: item.wanted,
          right: isWanted(item, answer),
        }))
      ),
    };
  });
