/** A metric of translations whose scores another makes: a learned one such as BLEURT, or a file. @module */
import { meanScore, type Metric, type Translated } from "./metric.ts";

/** A metric that has its scores made. */
export interface ScoredBy {
  readonly name: string;
  /** The model and its version, or the file. */
  readonly signature: string;
  /** One finite number for each translation, in order; higher is better. */
  readonly scores: (items: ReadonlyArray<Translated>) => ReadonlyArray<number>;
}

/**
 * The metric whose items are what `scores` returns and whose value is their mean. An encoder that is an
 * Effect runs first; its numbers are then `scores: () => numbers`.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { scoredBy } from "@delia/delia/evaluation";
 *
 * const bleurt = scoredBy({ name: "bleurt", signature: "made up", scores: () => [0.25, 0.75] });
 * const items = ["a", "b"].map((text) => ({ hypothesis: text, references: [text] }));
 * assert.deepEqual(bleurt.score(items), { value: 0.5, items: [0.25, 0.75] });
 * ```
 */
export const scoredBy = ({ name, signature, scores }: ScoredBy): Metric<Translated> => ({
  name,
  signature,
  needs: ["hypothesis", "references"],
  better: "high",
  score: (items) => {
    const made = scores(items);
    if (made.length !== items.length || !made.every(Number.isFinite)) {
      const finite = made.filter(Number.isFinite).length;
      throw new RangeError(
        `${name}: expected ${items.length} finite scores but found ${finite} of ${made.length}`,
      );
    }
    return meanScore(made);
  },
});
