/** The miniature world as the data of a run: downstream examples, diverse questions, test sets. @module */
import { Effect } from "effect";
import {
  diversePrompts,
  type DownstreamExample,
  downstreamExamples,
} from "../../fixtures/world/downstream.ts";
import { slotPrompts, type TestSets, testSets } from "../../fixtures/world/test_sets.ts";
import type { RunConfig } from "../config/run_config.ts";
import type { DataError } from "../data/data_error.ts";
import { encodeChat, type Example } from "../data/example.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { Query } from "../delia/self_sample.ts";
import type { Place } from "../evaluation/hidden_states.ts";

/** What a run trains on and tests with, for one seed. */
export interface FixtureData {
  readonly downstream: {
    /** Each instruction in one of many phrasings. */
    readonly diversified: ReadonlyArray<Example>;
    /** The same tasks, always in the first phrasing. */
    readonly one: ReadonlyArray<Example>;
  };
  /** Questions for self-sampling; none holds the new token or a tested context. */
  readonly queries: ReadonlyArray<Query>;
  readonly tests: TestSets;
  /** Prompts with the new token in a slot, for comparing hidden states there. */
  readonly slots: ReadonlyArray<Place>;
}

/** Prompts whose hidden states are compared. */
const slotCount = 64;

/** Draws the data of `seed`. `tokenizer` knows the new token already. */
export const fixtureData = (
  tokenizer: Tokenizer,
  { data, mixing, newToken, training }: RunConfig,
  seed: number,
): Effect.Effect<FixtureData, DataError> =>
  Effect.gen(function* () {
    const encodeAll = (examples: ReadonlyArray<DownstreamExample>) =>
      Effect.forEach(examples, ({ messages }) => encodeChat(tokenizer, { messages }, training));
    const { downstreamItems, phrasingCount, testItems } = data;
    const questions = Math.ceil(downstreamItems * mixing.diverseRatio);
    const token = tokenizer.idOf(newToken.token)!;
    const slots = yield* Effect.forEach(
      slotPrompts(seed, slotCount),
      ({ messages }) =>
        Effect.map(
          tokenizer.render(messages(newToken.token), { addGenerationPrompt: true }),
          ({ ids }): Place => ({ ids, at: ids.indexOf(token) }),
        ),
    );
    return {
      downstream: {
        diversified: yield* encodeAll(downstreamExamples(seed, downstreamItems, phrasingCount)),
        one: yield* encodeAll(downstreamExamples(seed, downstreamItems, 1)),
      },
      queries: diversePrompts(seed, questions).map(({ messages, reference }) => ({
        question: messages.at(-1)!.content,
        reference,
      })),
      tests: testSets(seed, testItems),
      slots,
    };
  });
