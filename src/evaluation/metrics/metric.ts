/** What a metric is: a function of items, with a name and a statement of how it counts. @module */

/** What a metric says. */
export interface Score {
  /** Over all items; the mean of `items`, or what the metric's own documentation says. NaN for none. */
  readonly value: number;
  /** Of each item alone, in order: what intervals are made of. */
  readonly items: ReadonlyArray<number>;
}

/**
 * A metric over items of one kind. A value: experiments list those they want.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { type Metric, meanScore } from "@delia/delia/evaluation";
 *
 * const words: Metric<{ readonly answer: string }> = {
 *   name: "words",
 *   signature: "words between spaces",
 *   needs: ["answer"],
 *   better: "low",
 *   score: (items) => meanScore(items.map(({ answer }) => answer.split(" ").length)),
 * };
 * assert.equal(words.score([{ answer: "a b" }, { answer: "c" }]).value, 1.5);
 * ```
 */
export interface Metric<Item> {
  /** As tables and records call it. */
  readonly name: string;
  /** Every choice that changes the number, so that two numbers with one signature may be compared. */
  readonly signature: string;
  /** Fields that an item must have. */
  readonly needs: ReadonlyArray<keyof Item & string>;
  /** What is better; absent: neither. */
  readonly better?: "high" | "low";
  readonly score: (items: ReadonlyArray<Item>) => Score;
}

/** A translation and the texts that it should be. */
export interface Translated {
  readonly hypothesis: string;
  /** One or more. */
  readonly references: ReadonlyArray<string>;
}

/** The score whose value is the mean of its items. */
export const meanScore = (items: ReadonlyArray<number>): Score => ({
  value: items.reduce((sum, item) => sum + item, 0) / items.length,
  items,
});

/** The score of a rate: the share of items that are so. */
export const rateScore = (items: ReadonlyArray<boolean>): Score => meanScore(items.map(Number));

/**
 * The signature of a metric of translations with the number of references, as sacreBLEU writes it.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { bleu, signatureOf } from "@delia/delia/evaluation";
 *
 * const items = [{ hypothesis: "a", references: ["b", "c"] }];
 * assert.equal(signatureOf(bleu, items), "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp");
 * ```
 */
export const signatureOf = (
  { signature }: Metric<Translated>,
  items: ReadonlyArray<Translated>,
): string => {
  const counts = new Set(items.map(({ references }) => references.length));
  return `nrefs:${counts.size === 1 ? [...counts][0] : "var"}|${signature}`;
};
