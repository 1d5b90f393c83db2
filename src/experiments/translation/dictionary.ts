/** A dictionary for prompts: from bitext by IBM Model 1, or a table of the user's. @module */
import type { ConfigProblem } from "../../config/config_error.ts";
import { nullWord, trainModel1, type WordPair } from "./ibm_model_1.ts";

/** By word, its translations, the likeliest first. */
export type Dictionary = ReadonlyMap<string, ReadonlyArray<string>>;

/** Which entries of an estimated table are kept. */
export interface DictionaryOptions {
  /** Translations of a word at most; 2 unless told. */
  readonly translations?: number;
  /** Least probability of a translation; 0.1 unless told. */
  readonly probability?: number;
  /** Words in a larger share of the texts say too little to be looked up; 0.6 unless told. */
  readonly frequency?: number;
}

const isWord = (text: string): boolean => text !== nullWord && /[\p{L}\p{N}]/u.test(text);

/**
 * The dictionary that IBM Model 1 finds in `pairs`, without frequent words, unlikely translations and
 * punctuation.
 */
export const dictionaryFrom = (
  pairs: ReadonlyArray<WordPair>,
  { translations = 2, probability = 0.1, frequency = 0.6 }: DictionaryOptions = {},
): Dictionary => {
  const texts = new Map<string, number>();
  for (const { source } of pairs) {
    for (const word of new Set(source)) texts.set(word, (texts.get(word) ?? 0) + 1);
  }
  const isRare = (word: string): boolean => (texts.get(word) ?? 0) <= frequency * pairs.length;
  return new Map(
    [...trainModel1(pairs)].flatMap(([word, likely]) => {
      if (!isWord(word) || !isRare(word)) return [];
      const kept = [...likely].filter(([, share]) => share >= probability)
        .toSorted(([, a], [, b]) => b - a).slice(0, translations).map(([other]) => other)
        .filter(isWord);
      return kept.length === 0 ? [] : [[word, kept] as const];
    }),
  );
};

/** The same dictionary read from the other side. */
export const reversed = (dictionary: Dictionary): Dictionary => {
  const other = new Map<string, ReadonlyArray<string>>();
  for (const [word, translations] of dictionary) {
    for (const translation of translations) {
      other.set(translation, [...other.get(translation) ?? [], word]);
    }
  }
  return other;
};

/**
 * Reads a table of the user's: a line a translation, a word of the first language, a tab, a word of the
 * second; other columns are left out, and so are lines that are empty or begin with `#`. Lines of one
 * word stand in the order of preference. Lines without two words are problems.
 */
export const readDictionary = (
  text: string,
): { readonly dictionary: Dictionary; readonly problems: ReadonlyArray<ConfigProblem> } => {
  const dictionary = new Map<string, ReadonlyArray<string>>();
  const problems: ConfigProblem[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [word = "", translation = ""] = line.split("\t").map((field) => field.trim());
    if (word === "" || translation === "") {
      const problem = `expected a word, a tab and its translation but found ${
        JSON.stringify(line)
      }`;
      problems.push({ path: `line ${at + 1}`, problem });
    } else dictionary.set(word, [...new Set([...dictionary.get(word) ?? [], translation])]);
  }
  if (dictionary.size === 0 && problems.length === 0) {
    problems.push({ path: "the file", problem: "expected a translation but found none" });
  }
  return { dictionary, problems };
};
