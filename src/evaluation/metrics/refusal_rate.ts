/** How many answers decline to answer. @module */
import { type Metric, rateScore } from "./metric.ts";

/** How answers decline, in English and Icelandic, looked for in their first characters. */
export const refusals: ReadonlyArray<RegExp> = [
  /\bI(?:['’]m| am) (?:very |so |really )?(?:sorry|unable|afraid|not able)\b/i,
  /\b(?:I|we) (?:can(?:not|['’]t| not)|could(?: not|n['’]t)|won['’]t|will not|do(?: not|n['’]t) have|must decline)\b/i,
  /\bas an? (?:AI|(?:large )?language model|assistant)\b/i,
  /\bunable to (?:assist|help|translate|provide|comply|answer)\b/i,
  /\b(?:please|kindly) provide\b/i,
  /(?:^|\s)(?:því miður|mér þykir (?:það )?leitt|fyrirgefðu)(?=[\s,.!]|$)/iu,
  /(?:^|\s)(?:ég )?get (?:því miður )?(?:ekki|ég ekki) (?:þýtt|hjálpað|aðstoðað|svarað)/iu,
  /(?:^|\s)sem (?:gervigreind|mállíkan|tungumálalíkan)/iu,
];

/** How many characters of an answer are looked at: what stands later is the text itself. */
const lookedAt = 120;

/** Whether `answer` is empty or begins as a refusal does. */
export const isRefusal = (
  answer: string,
  patterns: ReadonlyArray<RegExp> = refusals,
): boolean => {
  const start = answer.trim().slice(0, lookedAt);
  return start === "" || patterns.some((pattern) => start.search(pattern) >= 0);
};

/**
 * The share of answers that are empty or begin as a refusal does: patterns, not understanding, so that a
 * text that itself begins "I'm sorry" counts. Read what it finds before relying on it.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { refusalRate } from "@delia/delia/evaluation";
 *
 * const answers = ["I'm sorry, but I can't translate this.", "Góðan dag."];
 * assert.equal(refusalRate().score(answers.map((hypothesis) => ({ hypothesis }))).value, 0.5);
 * ```
 */
export const refusalRate = (
  patterns: ReadonlyArray<RegExp> = refusals,
): Metric<{ readonly hypothesis: string }> => ({
  name: "refusal_rate",
  signature: `patterns:${patterns.length}|characters:${lookedAt}|empty:yes`,
  needs: ["hypothesis"],
  better: "low",
  score: (items) => rateScore(items.map(({ hypothesis }) => isRefusal(hypothesis, patterns))),
});
