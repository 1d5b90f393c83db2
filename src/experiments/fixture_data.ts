/** The miniature world as the data of a run: downstream examples, diverse questions, test sets. @module */
import { Effect, Layer, Stream } from "effect";
import {
  diversePrompts,
  type DownstreamExample,
  downstreamExamples,
  phrasingLimit,
  phrasings,
} from "../../fixtures/world/downstream.ts";
import { slotPrompts } from "../../fixtures/world/test_sets.ts";
import type { RunConfig } from "../config/run_config.ts";
import type { Chat } from "../data/chat.ts";
import type { DataError } from "../data/data_error.ts";
import { encodeChat } from "../data/example.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { Paraphraser, ParaphraserError } from "../delia/diversify.ts";
import type { Place } from "../evaluation/hidden_states.ts";
import type { RunData } from "./run_data.ts";
import { anchorTask } from "./task_anchor.ts";
import { worldTests } from "./world_tests.ts";

/** The world's own grammar of instructions, as a paraphraser; it knows one instruction, the check. */
export const layerWorldPhrasings = (seed: number): Layer.Layer<Paraphraser> =>
  Layer.succeed(Paraphraser, {
    paraphrase: (_instruction, count) => {
      const texts = phrasings(seed, Math.min(count, phrasingLimit));
      const found = Stream.fromIterable(texts).pipe(Stream.map((text) => ({ text })));
      if (count <= phrasingLimit) return found;
      const rejected = { no_token: 0, banned_word: 0, duplicate: 0 };
      const reason = { _tag: "NotEnough", wanted: count, found: phrasingLimit, rejected } as const;
      return Stream.concat(found, Stream.fail(new ParaphraserError({ reason })));
    },
  });

/** Prompts whose hidden states are compared. */
const slotCount = 64;

/** The instruction that is put in many phrasings. */
const instruction = "check the answer .";

/** The data of a run, and its diversified downstream examples as chats. */
export interface FixtureData extends RunData {
  readonly chats: ReadonlyArray<Chat>;
}

/** Draws the data of `seed`. `tokenizer` knows the new token already. */
export const fixtureData = (
  tokenizer: Tokenizer,
  { data, mixing, newToken, training }: RunConfig,
  seed: number,
): Effect.Effect<FixtureData, DataError | ParaphraserError, Paraphraser> =>
  Effect.gen(function* () {
    const encodeAll = (examples: ReadonlyArray<DownstreamExample>) =>
      Effect.forEach(examples, ({ messages }) => encodeChat(tokenizer, { messages }, training));
    const { anchor, downstreamItems, phrasingCount, testItems } = data;
    const { paraphrase } = yield* Paraphraser;
    const ways = yield* paraphrase(instruction, phrasingCount).pipe(
      Stream.map(({ text }) => text),
      Stream.runCollect,
    );
    const questions = Math.ceil(downstreamItems * mixing.diverseRatio);
    const token = tokenizer.idOf(newToken.token)!;
    const slots = yield* Effect.forEach(
      slotPrompts(seed, slotCount),
      ({ messages }) =>
        Effect.map(
          tokenizer.render(
            anchorTask({ messages: messages(newToken.token) }, anchor).messages,
            { addGenerationPrompt: true },
          ),
          ({ ids }): Place => ({ ids, at: ids.indexOf(token) }),
        ),
    );
    const taskIn = (ways: ReadonlyArray<string>) =>
      downstreamExamples(seed, downstreamItems, ways).map((chat) => anchorTask(chat, anchor));
    const chats = taskIn(ways);
    return {
      chats,
      downstream: {
        diversified: yield* encodeAll(chats),
        one: yield* encodeAll(taskIn(ways.slice(0, 1))),
      },
      diverse: diversePrompts(seed, questions).map(({ messages, reference }) => ({
        question: messages.at(-1)!.content,
        reference,
      })),
      tests: { sets: worldTests(seed, testItems, anchor), slots },
    };
  });
