/** The words that a new token is compared with, and how each stands where the token stood. @module */
import { Effect } from "effect";
import { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";

/** What the paper compares `<sep>` with (arXiv 2408.10841, table 1). */
export const targetWords: ReadonlyArray<string> = ["json", "thought"];

/** Twenty frequent words that say nothing about a format. */
export const frequentWords: ReadonlyArray<string> =
  "the of and to a in is it you that for are with as this be what not give make".split(" ");

/** Names of other formats: a token that means `json` should lie nearer to it than to these. */
export const formatWords: ReadonlyArray<string> =
  "xml list tag short loud polite table yaml html csv markdown".split(" ");

/** A word as tokens in the middle of a text. */
export interface ComparedWord {
  readonly word: string;
  /** One or more sub-tokens. */
  readonly ids: ReadonlyArray<number>;
}

/**
 * The tokens of `word` in the middle of a text, with the space before it where the vocabulary writes
 * spaces into words. Fails with `UnknownToken` where the vocabulary lacks it.
 */
export const comparedWord = (
  tokenizer: Tokenizer,
  word: string,
): Effect.Effect<ComparedWord, DataError> =>
  Effect.try({
    try: () => {
      const alone = tokenizer.encode(word);
      const twice = tokenizer.encode(`${word} ${word}`);
      const second = alone.every((id, index) => id === twice[index])
        ? twice.slice(alone.length)
        : [];
      return { word, ids: second.length > 0 ? second : alone };
    },
    catch: (cause) => cause,
  }).pipe(
    Effect.catch((cause) => cause instanceof DataError ? Effect.fail(cause) : Effect.die(cause)),
  );

/** How vocabularies write a space: SentencePiece's, byte-level BPE's, and plain. */
const spaces = ["▁", "Ġ", " "];

/** A prompt with a word in its slots. */
export interface FilledPrompt {
  /** Up to the last slot: what follows cannot change the states there. */
  readonly ids: ReadonlyArray<number>;
  /** By slot, the places of the word's sub-tokens. */
  readonly at: ReadonlyArray<ReadonlyArray<number>>;
}

/**
 * `ids` with every `token` replaced by the tokens `word`. A token that is only a space before the slot
 * goes where the word brings its own, so that the text is cut as if the word had always stood there.
 */
export const fillSlots = (
  tokenizer: Tokenizer,
  ids: ReadonlyArray<number>,
  token: number,
  word: ReadonlyArray<number>,
): FilledPrompt => {
  const first = tokenizer.tokenOf(word[0]!) ?? "";
  const space = spaces.find((space) => first.startsWith(space) && first !== space);
  const filled: number[] = [];
  const at: number[][] = [];
  for (const id of ids) {
    if (id !== token) {
      filled.push(id);
      continue;
    }
    const before = filled.at(-1);
    if (space !== undefined && before !== undefined && tokenizer.tokenOf(before) === space) {
      filled.pop();
    }
    at.push(word.map((_, index) => filled.length + index));
    filled.push(...word);
  }
  return { ids: filled.slice(0, 1 + (at.at(-1)?.at(-1) ?? -1)), at };
};

/** Ids of the vocabulary's words: special tokens, and what decodes to white space, are none. */
export const vocabularyWords = (tokenizer: Tokenizer): ReadonlyArray<number> =>
  Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) =>
    tokenizer.tokenOf(id) !== undefined &&
    tokenizer.decode([id], { skipSpecial: true }).trim() !== ""
  );
