/** Token ids and texts that were given as options, checked against the model. @module */
import * as Effect from "effect/Effect";
import { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { type UsageError, usageError } from "./usage_error.ts";

/** `ids`, where each names one of the model's `rows`. */
export const checkIds = (
  verb: string,
  ids: ReadonlyArray<number>,
  rows: number,
): Effect.Effect<ReadonlyArray<number>, UsageError> => {
  const wrong = ids.find((id) => id >= rows);
  return wrong === undefined ? Effect.succeed(ids) : Effect.fail(
    usageError(verb, `--ids: the model has the tokens 0 to ${rows - 1}, not ${wrong}`),
  );
};

/** The tokenizer of the model in `directory`, for what cannot be done without one. */
export const needTokenizer = (
  tokenizer: Tokenizer | undefined,
  directory: string,
): Effect.Effect<Tokenizer, DataError> => {
  const [file, report] = [`${directory}/tokenizer.json`, "no such file"];
  return tokenizer
    ? Effect.succeed(tokenizer)
    : Effect.fail(new DataError({ reason: { _tag: "CannotRead", file, report } }));
};

/**
 * Ids of plain text with what the tokenizer puts around one (BOS, in the Llama family); fails with
 * `UnknownToken` for a word that the vocabulary lacks.
 */
export const encodeText = (
  tokenizer: Tokenizer,
  text: string,
): Effect.Effect<ReadonlyArray<number>, DataError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(tokenizer.encode(text, { addSpecial: true }));
    } catch (cause) {
      return cause instanceof DataError ? Effect.fail(cause) : Effect.die(cause);
    }
  });
