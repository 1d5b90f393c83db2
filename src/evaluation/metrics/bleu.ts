/**
 * BLEU (Papineni et al. 2002) as sacreBLEU computes it by default: mteval's 13a tokens, case kept,
 * n-grams up to 4, exponential smoothing (Post 2018, arXiv 1804.08771).
 *
 * @module
 */
import type { Metric, Translated } from "./metric.ts";
import { countNGrams, sharedNGrams, trimEnd, wordsOf } from "./n_grams.ts";

const maxOrder = 4;

/** What BLEU needs of one translation; those of a corpus are added up. */
export interface BleuCounts {
  /** Tokens of the hypothesis. */
  readonly length: number;
  /** Tokens of the reference nearest in length, the shorter of two. */
  readonly referenceLength: number;
  /** By order 1–4: n-grams of the hypothesis that a reference has. */
  readonly right: ReadonlyArray<number>;
  /** By order 1–4: n-grams of the hypothesis. */
  readonly total: ReadonlyArray<number>;
}

const entities = [["&quot;", '"'], ["&amp;", "&"], ["&lt;", "<"], ["&gt;", ">"]] as const;

/**
 * The tokens of a line by the rules of mteval-v13a: ASCII punctuation apart, periods and commas apart
 * except between digits, a dash apart after a digit. Punctuation beyond ASCII stays on its word.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { tokens13a } from "@delia/delia/evaluation";
 *
 * assert.deepEqual(tokens13a("Yes, 1,000-2.5 (max)."), "Yes , 1,000 - 2.5 ( max ) .".split(" "));
 * ```
 */
export const tokens13a = (line: string): ReadonlyArray<string> => {
  let text = trimEnd(line).replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  for (const [entity, character] of entities) text = text.replaceAll(entity, character);
  return wordsOf(
    ` ${text} `
      .replaceAll(/([{-~[-` -&(-+:-@/])/gu, " $1 ")
      .replaceAll(/([^0-9])([.,])/gu, "$1 $2 ")
      .replaceAll(/([.,])([^0-9])/gu, " $1 $2")
      .replaceAll(/([0-9])(-)/gu, "$1 $2 "),
  );
};

const orders = Array.from({ length: maxOrder }, (_, i) => i + 1);

/**
 * What BLEU needs of one translation, which has one reference or more: a corpus's interval resamples these.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { addBleuCounts, bleuCounts, bleuOf, bootstrap } from "@delia/delia/evaluation";
 *
 * const counts = ["on the mat", "on a mat", "on the rug"].map((end) =>
 *   bleuCounts({ hypothesis: `the cat sat ${end}`, references: ["the cat sat on the mat"] })
 * );
 * const { value, low, high } = bootstrap(counts, (sample) => bleuOf(addBleuCounts(sample)), { seed: 1 });
 * assert.ok(low < value && value < high);
 * ```
 */
export const bleuCounts = ({ hypothesis, references }: Translated): BleuCounts => {
  if (references.length === 0) {
    throw new RangeError("Expected at least one reference but found none");
  }
  const own = tokens13a(hypothesis);
  const others = references.map(tokens13a);
  const lengths = others.map(({ length }) => length);
  const nearest = lengths.reduce((best, length) => {
    const [by, than] = [Math.abs(length - own.length), Math.abs(best - own.length)];
    return by < than || (by === than && length < best) ? length : best;
  });
  const grams = orders.map((n) => countNGrams(own, n, " "));
  return {
    length: own.length,
    referenceLength: nearest,
    right: orders.map((n, i) => sharedNGrams(grams[i]!, mostOf(others, n))),
    total: orders.map((n) => Math.max(0, own.length - n + 1)),
  };
};

/** Each n-gram as often as in the reference that has it most often. */
const mostOf = (
  references: ReadonlyArray<ReadonlyArray<string>>,
  n: number,
): ReadonlyMap<string, number> => {
  const most = new Map<string, number>();
  for (const reference of references) {
    for (const [gram, count] of countNGrams(reference, n, " ")) {
      most.set(gram, Math.max(count, most.get(gram) ?? 0));
    }
  }
  return most;
};

/** The counts of a corpus: what resampling adds up. */
export const addBleuCounts = (counts: ReadonlyArray<BleuCounts>): BleuCounts => {
  const sum = (of: (count: BleuCounts) => number): number =>
    counts.reduce((total, count) => total + of(count), 0);
  return {
    length: sum(({ length }) => length),
    referenceLength: sum(({ referenceLength }) => referenceLength),
    right: orders.map((_, i) => sum(({ right }) => right[i]!)),
    total: orders.map((_, i) => sum(({ total }) => total[i]!)),
  };
};

/**
 * BLEU in [0, 100] of counts. `effectiveOrder` leaves out the orders that the hypothesis is too short
 * for: for single sentences.
 */
export const bleuOf = (
  { length, referenceLength, right, total }: BleuCounts,
  effectiveOrder = false,
): number => {
  if (right.every((count) => count === 0)) return 0;
  const brevity = length < referenceLength ? Math.exp(1 - referenceLength / length) : 1;
  let smooth = 1;
  let logs = 0;
  let used = 0;
  for (const [i, count] of total.entries()) {
    if (count === 0) break;
    if (right[i] === 0) smooth *= 2; // 1/2, 1/4, … of a right n-gram where an order has none
    logs += Math.log(100 * (right[i] || 1 / smooth) / count);
    used++;
  }
  if (used < maxOrder && !effectiveOrder) return 0; // an order without n-grams: a precision of 0
  return brevity * Math.exp(logs / used);
};

/**
 * Corpus BLEU; `items` are sentence BLEU with effective order, and the value is not their mean.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { bleu } from "@delia/delia/evaluation";
 *
 * const items = [{ hypothesis: "the cat sat on a mat", references: ["the cat sat on the mat"] }];
 * assert.ok(Math.abs(bleu.score(items).value - 53.7285) < 1e-4);
 * ```
 */
export const bleu: Metric<Translated> = {
  name: "bleu",
  signature: "case:mixed|eff:no|tok:13a|smooth:exp",
  needs: ["hypothesis", "references"],
  better: "high",
  score: (items) => {
    const counts = items.map(bleuCounts);
    return {
      value: counts.length === 0 ? NaN : bleuOf(addBleuCounts(counts)),
      items: counts.map((count) => bleuOf(count, true)),
    };
  },
};
