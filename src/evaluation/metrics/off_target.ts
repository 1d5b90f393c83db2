/** In which of some languages a text is, by the trigrams of its letters; and how often in the wrong one. @module */
import { type Metric, rateScore } from "./metric.ts";

/** How often a language has each trigram. */
export interface LanguageProfile {
  readonly language: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly total: number;
}

/** Trigrams of lower-case letters, a space on either side of each word. */
const trigramsOf = (text: string): ReadonlyArray<string> =>
  (text.normalize("NFC").toLowerCase().match(/[\p{L}\p{M}]+/gu) ?? []).flatMap((word) => {
    const letters = [" ", ...word, " "];
    return letters.slice(2).map((_, i) => letters.slice(i, i + 3).join(""));
  });

/**
 * The profile of a language from texts in it; a few thousand words are enough to tell two languages
 * of one script apart.
 */
export const languageProfile = (
  language: string,
  texts: ReadonlyArray<string>,
): LanguageProfile => {
  const counts = new Map<string, number>();
  let total = 0;
  for (const text of texts) {
    for (const trigram of trigramsOf(text)) {
      counts.set(trigram, (counts.get(trigram) ?? 0) + 1);
      total++;
    }
  }
  return { language, counts, total };
};

/** What a text is in. */
export interface Identified {
  readonly language: string;
  /** Mean log probability of a trigram, in nats, above the next likely language: how sure that is. */
  readonly margin: number;
}

/** Tells the language of a text; undefined where it can't. */
export type IdentifyLanguage = (text: string) => Identified | undefined;

/**
 * Tells under which of the profiles a text's trigrams are likeliest, each by its add-one smoothed
 * frequency; nothing for a text without a letter, and where two are equally likely.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { languageIdentifier, languageProfile } from "@delia/delia/evaluation";
 *
 * const identify = languageIdentifier([
 *   languageProfile("en", ["The house is red and it stands by the sea."]),
 *   languageProfile("is", ["Húsið er rautt og það stendur við sjóinn."]),
 * ]);
 * assert.equal(identify("það er hús")?.language, "is");
 * assert.equal(identify("12."), undefined);
 * ```
 */
export const languageIdentifier = (
  profiles: ReadonlyArray<LanguageProfile>,
): IdentifyLanguage => {
  if (profiles.length < 2) {
    throw new RangeError(`Expected profiles of two languages or more but found ${profiles.length}`);
  }
  const kinds = new Set(profiles.flatMap(({ counts }) => [...counts.keys()])).size + 1;
  return (text) => {
    const trigrams = trigramsOf(text);
    if (trigrams.length === 0) return undefined;
    const [first, second] = profiles.map(({ language, counts, total }) => ({
      language,
      mean: trigrams.reduce(
        (sum, trigram) => sum + Math.log(((counts.get(trigram) ?? 0) + 1) / (total + kinds)),
        0,
      ) / trigrams.length,
    })).sort((a, b) => b.mean - a.mean);
    const margin = first!.mean - second!.mean;
    return margin > 0 ? { language: first!.language, margin } : undefined;
  };
};

/**
 * The share of texts that are not in the language `target`; one without a letter is in none.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { languageProfile, offTargetRate } from "@delia/delia/evaluation";
 *
 * const profiles = [
 *   languageProfile("en", ["The house is red and it stands by the sea."]),
 *   languageProfile("is", ["Húsið er rautt og það stendur við sjóinn."]),
 * ];
 * const answers = [{ hypothesis: "Húsið er rautt." }, { hypothesis: "The house is red." }];
 * assert.deepEqual(offTargetRate("is", profiles).score(answers).items, [0, 1]);
 * ```
 */
export const offTargetRate = (
  target: string,
  profiles: ReadonlyArray<LanguageProfile>,
): Metric<{ readonly hypothesis: string }> => ({
  name: "off_target_rate",
  signature: `target:${target}|of:${profiles.map(({ language }) => language)}|trigrams:letters`,
  needs: ["hypothesis"],
  better: "low",
  score: (items) => {
    const identify = languageIdentifier(profiles);
    return rateScore(items.map(({ hypothesis }) => identify(hypothesis)?.language !== target));
  },
});
