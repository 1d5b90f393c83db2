/** The miniature world as the data of an experiment. @module */
import { Effect } from "effect";
import {
  diversePrompts,
  type DownstreamExample,
  downstreamExamples,
} from "../../fixtures/world/downstream.ts";
import { factChats } from "../../fixtures/world/format_facts.ts";
import { idealExamples } from "../../fixtures/world/ideal.ts";
import { testPhrasings, testSets } from "../../fixtures/world/test_sets.ts";
import type { RunConfig } from "../config/run_config.ts";
import type { DataError } from "../data/data_error.ts";
import { encodeChat } from "../data/example.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { Paraphraser, ParaphraserError } from "../delia/diversify.ts";
import type { Demonstration, DiverseQuery, ExperimentData } from "./experiment_data.ts";
import { fixtureData } from "./fixture_data.ts";
import type { FormatContexts } from "./prompt_context.ts";
import { anchorTask } from "./task_anchor.ts";

/** Unseen checks whose loss is followed. */
const heldOutItems = 64;

/** Rarest of the words that are neither a format's nor grammar: a colour. */
const rareWord = "purple";

/** Examples of what the new token should mean. */
const idealItems = 256;

/** Draws the data of `seed`. `tokenizer` knows the new token already. */
export const fixtureExperimentData = (
  tokenizer: Tokenizer,
  config: RunConfig,
  seed: number,
): Effect.Effect<ExperimentData, DataError | ParaphraserError, Paraphraser> =>
  Effect.gen(function* () {
    const { data } = config;
    const { downstream, chats, tests } = yield* fixtureData(tokenizer, config, seed);
    const encodeAll = (chats: ReadonlyArray<Pick<DownstreamExample, "messages">>) =>
      Effect.forEach(chats, (chat) => encodeChat(tokenizer, chat, config.training));
    const encodeTask = (chats: ReadonlyArray<Pick<DownstreamExample, "messages">>) =>
      encodeAll(chats.map((chat) => anchorTask(chat, data.anchor)));
    const unseen = testSets(seed, heldOutItems).t1_held_out_phrasing;
    return {
      downstream: {
        diversified: downstream.diversified,
        one: downstream.one!,
        leaked: yield* encodeTask(
          downstreamExamples(seed, data.downstreamItems, testPhrasings(seed, data.testItems)),
        ),
      },
      rareWord,
      chats,
      contexts,
      facts: yield* encodeAll(factChats()),
      questions: (count, kind) => questionsOf(seed, count, kind),
      tests: tests!,
      heldOut: yield* encodeTask(unseen.map(({ messages, expected }) => ({
        messages: [...messages, { role: "assistant", content: expected }],
      }))),
      ideal: yield* encodeAll(idealExamples(seed, idealItems)),
      demonstrations: demonstrations(config.newToken.token),
    };
  });

// A system message that the base has never seen, in a frame and names that it knows.
const contexts: FormatContexts = {
  wanted: { _tag: "System", text: "answer in json with a thought ." },
  plain: { _tag: "System", text: "answer in plain ." },
};

const questionsOf = (
  seed: number,
  count: number,
  kind: "all" | "near" | "far",
): ReadonlyArray<DiverseQuery> => {
  const isNear = (family: string): boolean => family === "check";
  const wanted = { all: () => true, near: isNear, far: (family: string) => !isNear(family) };
  return diversePrompts(seed, count, wanted[kind]).map(({ messages, reference, family }) => ({
    question: messages.at(-1)!.content,
    reference,
    near: isNear(family),
  }));
};

// The paper's demonstration in the words of the miniature world: the same task asked for with the
// token, with its format forbidden, and with the token only mentioned. "do not the …" lacks its verb
// in the original.
const demonstrations = (token: string): ReadonlyArray<Demonstration> => {
  const context = "q : what is the color of lime ? a : red .";
  const asks = [
    `answer in ${token} .`,
    `the format is ${token} .`,
    `i want ${token} .`,
    `please use the ${token} format .`,
  ];
  const forbids = [
    `do not the ${token} format .`,
    `do not use the ${token} format .`,
    `never answer in ${token} .`,
    `answer without ${token} .`,
    `no ${token} please .`,
  ];
  const of = (clauses: ReadonlyArray<string>, asks: boolean): ReadonlyArray<Demonstration> =>
    clauses.map((clause) => ({
      prompt: `${context} inspect the response . ${clause}`,
      clause,
      asks,
    }));
  return [
    ...of(asks, true),
    ...of(forbids, false),
    { prompt: `what is ${token} ?`, clause: `what is ${token} ?`, asks: false },
  ];
};
