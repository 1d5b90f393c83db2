/**
 * Formatted-text accuracy: how many answers hold the object that was asked for (the paper's second
 * experiment, arXiv 2408.10841, table 2), in four rates from the strictest to the task itself.
 *
 * @module
 */
import { type Metric, rateScore, type Score } from "./metric.ts";
import { readJsonObject, type ReadObject, readObject, type Repair } from "./read_object.ts";

/** An answer, and the label that is right for it. */
export interface FormattedAnswer {
  readonly answer: string;
  readonly gold: string;
}

/** What an answer should be. */
export interface AnswerFormat {
  /** Exactly these keys, in any order, each with a string. */
  readonly keys: ReadonlyArray<string>;
  /** The key whose value is the label; one of `keys`. */
  readonly label: string;
  /** The labels there are. */
  readonly labels: ReadonlyArray<string>;
}

/** The format of the paper's hallucination task. */
export const hallucinationFormat: AnswerFormat = {
  keys: ["thought", "hallucination"],
  label: "hallucination",
  labels: ["no", "yes"],
};

/** What one answer is; each line implies those above it, `rawJson` apart. */
export interface FormatVerdict {
  /** The whole answer is a JSON object, nothing around it. */
  readonly rawJson: boolean;
  /** An object can be read from it: the paper's accuracy. */
  readonly parsable: boolean;
  /** Its keys are those asked for, its values strings, its label one of the labels. */
  readonly schema: boolean;
  /** The label is the gold one. */
  readonly correct: boolean;
}

const labelIn = (
  object: ReadObject["object"] | undefined,
  { keys, label, labels }: AnswerFormat,
): string | undefined => {
  if (object === undefined) return undefined;
  const entries = Object.entries(object);
  const asAsked = entries.length === keys.length &&
    entries.every(([key, value]) => keys.includes(key) && typeof value === "string");
  const value = asAsked ? object[label] : undefined;
  return typeof value === "string" && labels.includes(value) ? value : undefined;
};

/**
 * The label that `answer` gives; undefined where it has not the format. Reference answers too.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { hallucinationFormat, labelOf } from "@delia/delia/evaluation";
 *
 * assert.equal(labelOf("{'thought': 'Fine.', 'hallucination': 'no'}", hallucinationFormat), "no");
 * assert.equal(labelOf("{'hallucination': 'no'}", hallucinationFormat), undefined);
 * ```
 */
export const labelOf = (
  answer: string,
  format: AnswerFormat,
  repair: Repair = "none",
): string | undefined => labelIn(readObject(answer, repair)?.object, format);

/**
 * What one answer is.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatVerdict, hallucinationFormat } from "@delia/delia/evaluation";
 *
 * const item = { answer: "{'thought': 'Fine.', 'hallucination': 'no'}", gold: "yes" };
 * assert.deepEqual(formatVerdict(item, hallucinationFormat), {
 *   rawJson: false,
 *   parsable: true,
 *   schema: true,
 *   correct: false,
 * });
 * ```
 */
export const formatVerdict = (
  { answer, gold }: FormattedAnswer,
  format: AnswerFormat,
  repair: Repair = "none",
): FormatVerdict => {
  const read = readObject(answer, repair);
  const label = labelIn(read?.object, format);
  return {
    rawJson: readJsonObject(answer) !== undefined,
    parsable: read !== undefined,
    schema: label !== undefined,
    correct: label === gold,
  };
};

/** The rates' names, from the strictest reading of the answer to the task. */
export const formatRates = ["rawJson", "parsable", "schema", "correct"] as const;

/**
 * The rate of one line of {@linkcode FormatVerdict} over answers.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatRate, hallucinationFormat } from "@delia/delia/evaluation";
 *
 * const answers = [
 *   { answer: "{'thought': 'Fine.', 'hallucination': 'no'}", gold: "no" },
 *   { answer: "No hallucination.", gold: "no" },
 * ];
 * assert.equal(formatRate("parsable", hallucinationFormat).score(answers).value, 0.5);
 * ```
 */
export const formatRate = (
  rate: typeof formatRates[number],
  format: AnswerFormat,
  repair: Repair = "none",
): Metric<FormattedAnswer> => ({
  name: rate,
  signature: `keys:${format.keys}|labels:${format.labels}|repair:${repair}`,
  needs: ["answer", "gold"],
  better: "high",
  score: (items) => rateScore(items.map((item) => formatVerdict(item, format, repair)[rate])),
});

/**
 * Macro F1: the mean over labels of 2·TP ÷ (2·TP + FP + FN), for tasks where one label is frequent. An
 * answer without the format gives no label. A label that is neither gold nor given is left out.
 * `items` are 1 where the label is right: their mean is not the value.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { hallucinationFormat, labelF1 } from "@delia/delia/evaluation";
 *
 * // Always "no" is right in 3 of 4, and finds no "yes": F1 is 6/7 of the one, 0 of the other.
 * const answer = "{'thought': 'Fine.', 'hallucination': 'no'}";
 * const answers = ["no", "no", "no", "yes"].map((gold) => ({ answer, gold }));
 * assert.equal(labelF1(hallucinationFormat).score(answers).value, 3 / 7);
 * ```
 */
export const labelF1 = (
  format: AnswerFormat,
  repair: Repair = "none",
): Metric<FormattedAnswer> => ({
  name: "macroF1",
  signature: `keys:${format.keys}|labels:${format.labels}|repair:${repair}`,
  needs: ["answer", "gold"],
  better: "high",
  score: (items): Score => {
    const given = items.map(({ answer }) => labelOf(answer, format, repair));
    const scores = format.labels.flatMap((label) => {
      const gold = items.filter((item) => item.gold === label).length;
      const said = given.filter((it) => it === label).length;
      const both = items.filter((item, i) => item.gold === label && given[i] === label).length;
      return gold + said === 0 ? [] : [2 * both / (gold + said)];
    });
    return {
      value: scores.reduce((sum, score) => sum + score, 0) / scores.length,
      items: items.map(({ gold }, i) => Number(gold === given[i])),
    };
  },
});
