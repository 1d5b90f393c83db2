/** How long translations are, beside their references. @module */
import type { Metric, Translated } from "./metric.ts";

const lengthOf = (text: string): number => Array.from(text.trim()).length;

/**
 * Characters (code points) of all hypotheses over those of their first references; `items` of each, NaN
 * where a reference is empty. 1 is as long as the reference; neither more nor less is better by itself.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { lengthRatio } from "@delia/delia/evaluation";
 *
 * assert.equal(lengthRatio.score([{ hypothesis: "abc", references: ["abcdef"] }]).value, 0.5);
 * ```
 */
export const lengthRatio: Metric<Translated> = {
  name: "length_ratio",
  signature: "unit:character|reference:first",
  needs: ["hypothesis", "references"],
  score: (items) => {
    const own = items.map(({ hypothesis }) => lengthOf(hypothesis));
    const other = items.map(({ references }) => lengthOf(references[0] ?? ""));
    const sum = (values: ReadonlyArray<number>) =>
      values.reduce((total, value) => total + value, 0);
    return {
      value: sum(own) / sum(other),
      items: own.map((length, i) => other[i] === 0 ? NaN : length / other[i]!),
    };
  },
};
