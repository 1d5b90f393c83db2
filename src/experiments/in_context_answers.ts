/** In-context learning as a baseline: demonstrations as turns of the chat before every prompt. @module */
import { type Cause, Data, Effect } from "effect";
import type { Chat } from "../data/chat.ts";
import type { DataError } from "../data/data_error.ts";
import { permutation } from "../delia/pcg64.ts";
import {
  type AnswerChats,
  type Answerer,
  plainAnswers,
  promptIds,
  type Turns,
} from "./answering.ts";

const NoRoomBase: new (fields: {
  readonly shots: number;
  readonly positions: number;
  readonly allowed: number;
}) =>
  & Cause.YieldableError
  & {
    readonly _tag: "NoRoomForShots";
    readonly shots: number;
    readonly positions: number;
    readonly allowed: number;
  } = Data.TaggedError("NoRoomForShots");

/** The demonstrations, a prompt and its answer do not fit the model's positions. */
export class NoRoomForShots extends NoRoomBase {
  override get message(): string {
    const { shots, positions, allowed } = this;
    return `${shots} demonstrations, a prompt and its answer need ${positions} positions but the ` +
      `model has ${allowed}: show fewer`;
  }
}

/** `count` of `chats`, drawn by `seed`, as turns; the draws of a seed begin alike whatever the count. */
export const drawShots = (chats: ReadonlyArray<Chat>, count: number, seed: number): Turns => {
  if (count > chats.length) {
    throw new RangeError(`Expected at most ${chats.length} demonstrations but found ${count}`);
  }
  return Array.from(permutation(chats.length, seed).subarray(0, count))
    .flatMap((index) => chats[index]!.messages);
};

/**
 * Answers with `shots` before every chat. Fails with `NoRoomForShots` before anything is generated
 * where the longest of `asked`, with `maxNewTokens` after it, needs more positions than there are.
 */
export const inContextAnswers = (
  answerer: Answerer,
  shots: Turns,
  asked: ReadonlyArray<Turns>,
  maxNewTokens: number,
): Effect.Effect<AnswerChats, NoRoomForShots | DataError> =>
  Effect.gen(function* () {
    const { subject: { decoder }, tokenizer } = answerer;
    const lengths = yield* Effect.forEach(
      asked,
      (turns) => Effect.map(promptIds(tokenizer, [...shots, ...turns]), ({ length }) => length),
    );
    const positions = Math.max(...lengths) + maxNewTokens;
    const count = shots.filter(({ role }) => role === "user").length;
    const { positions: allowed } = decoder;
    if (positions > allowed) {
      return yield* new NoRoomForShots({ shots: count, positions, allowed });
    }
    return plainAnswers(answerer, shots);
  });
