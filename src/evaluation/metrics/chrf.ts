/**
 * chrF++ (Popović 2017) as sacreBLEU computes it: F2 of characters up to 6-grams, spaces left out, and
 * of words up to 2-grams, precision and recall each averaged over the orders.
 *
 * @module
 */
import type { Metric, Translated } from "./metric.ts";
import { charactersOf, countNGrams, sharedNGrams, wordsOf } from "./n_grams.ts";

const characterOrder = 6;
const wordOrder = 2;
const beta = 2;

/** What chrF++ needs of one translation, by order: six of characters, then two of words. */
export interface ChrfCounts {
  /** n-grams of the hypothesis; 0 where the reference is too short to have one. */
  readonly hypothesis: ReadonlyArray<number>;
  readonly reference: ReadonlyArray<number>;
  readonly shared: ReadonlyArray<number>;
}

const ascii = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/** Words, one ASCII punctuation mark at the end, else at the start, a word of its own. */
const markedWords = (text: string): ReadonlyArray<string> =>
  wordsOf(text).flatMap((word) => {
    if (Array.from(word).length === 1) return [word];
    if (ascii.includes(word.at(-1)!)) return [word.slice(0, -1), word.at(-1)!];
    return ascii.includes(word[0]!) ? [word[0]!, word.slice(1)] : [word];
  });

const gramsOf = (text: string): ReadonlyArray<ReadonlyMap<string, number>> => {
  const [characters, words] = [charactersOf(text), markedWords(text)];
  return [
    ...Array.from({ length: characterOrder }, (_, i) => countNGrams(characters, i + 1, "")),
    ...Array.from({ length: wordOrder }, (_, i) => countNGrams(words, i + 1, " ")),
  ];
};

const sizeOf = (grams: ReadonlyMap<string, number>): number => {
  let size = 0;
  for (const count of grams.values()) size += count;
  return size;
};

/** What chrF++ needs of one translation, against the reference that is best for it. */
export const chrfCounts = ({ hypothesis, references }: Translated): ChrfCounts => {
  if (references.length === 0) {
    throw new RangeError("Expected at least one reference but found none");
  }
  const own = gramsOf(hypothesis);
  const counted = references.map((reference): ChrfCounts => {
    const other = gramsOf(reference);
    return {
      hypothesis: own.map((grams, i) => other[i]!.size === 0 ? 0 : sizeOf(grams)),
      reference: other.map(sizeOf),
      shared: own.map((grams, i) => sharedNGrams(grams, other[i]!)),
    };
  });
  return counted.reduce((best, counts) => chrfOf(counts) > chrfOf(best) ? counts : best);
};

/** The counts of a corpus: what resampling adds up. */
export const addChrfCounts = (counts: ReadonlyArray<ChrfCounts>): ChrfCounts => {
  const sums = (of: keyof ChrfCounts): ReadonlyArray<number> =>
    Array.from(
      { length: characterOrder + wordOrder },
      (_, i) => counts.reduce((sum, count) => sum + count[of][i]!, 0),
    );
  return { hypothesis: sums("hypothesis"), reference: sums("reference"), shared: sums("shared") };
};

/** chrF++ in [0, 100] of counts; orders that a side has no n-gram of are left out. */
export const chrfOf = ({ hypothesis, reference, shared }: ChrfCounts): number => {
  let [precision, recall, orders] = [0, 0, 0];
  for (const [i, count] of shared.entries()) {
    if (hypothesis[i]! === 0 || reference[i]! === 0) continue;
    precision += count / hypothesis[i]!;
    recall += count / reference[i]!;
    orders++;
  }
  if (precision + recall === 0) return 0;
  precision /= orders;
  recall /= orders;
  return 100 * (1 + beta ** 2) * precision * recall / (beta ** 2 * precision + recall);
};

/**
 * Corpus chrF++; `items` are those of single sentences, and the value is not their mean.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { chrf } from "@delia/delia/evaluation";
 *
 * const items = [{ hypothesis: "Hún las bókina.", references: ["Hún las bækurnar.", "Hann svaf."] }];
 * assert.ok(Math.abs(chrf.score(items).value - 44.8484) < 1e-4);
 * ```
 */
export const chrf: Metric<Translated> = {
  name: "chrF++",
  signature: "case:mixed|eff:yes|nc:6|nw:2|space:no",
  needs: ["hypothesis", "references"],
  better: "high",
  score: (items) => {
    const counts = items.map(chrfCounts);
    return {
      value: counts.length === 0 ? NaN : chrfOf(addChrfCounts(counts)),
      items: counts.map(chrfOf),
    };
  },
};
