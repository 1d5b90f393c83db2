/** Makes scorable pairs of a model's translations: without the fixed first sentence, line by line. @module */
import type { Translated } from "./metric.ts";

const prefix = /^\s*Sure, here is the [\p{L} ]{1,40} translation:\s*/iu;

/**
 * `text` without "Sure, here is the … translation:" at its start. The reference's translations all
 * begin so; scored with it, every text is partly right and a tuned model has learned just that.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { withoutPrefix } from "@delia/delia/evaluation";
 *
 * assert.equal(withoutPrefix("Sure, here is the Icelandic translation: \n\n Góðan dag."), "Góðan dag.");
 * assert.equal(withoutPrefix("Góðan dag."), "Góðan dag.");
 * ```
 */
export const withoutPrefix = (text: string): string => text.replace(prefix, "");

/** What {@linkcode alignLines} does. */
export interface AlignOptions {
  /** Leave the fixed first sentence in both sides, as the paper's own scores seem to; off unless told. */
  readonly keepPrefix?: boolean;
}

/**
 * One pair a line, where hypothesis and references have equally many lines that are not blank; else
 * the whole document as one pair.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { alignLines } from "@delia/delia/evaluation";
 *
 * assert.deepEqual(alignLines({ hypothesis: "Já.\n\nNei.", references: ["Jú.\nNei."] }), [
 *   { hypothesis: "Já.", references: ["Jú."] },
 *   { hypothesis: "Nei.", references: ["Nei."] },
 * ]);
 * assert.equal(alignLines({ hypothesis: "Já. Nei.", references: ["Jú.\nNei."] }).length, 1);
 * ```
 */
export const alignLines = (
  { hypothesis, references }: Translated,
  { keepPrefix = false }: AlignOptions = {},
): ReadonlyArray<Translated> => {
  const texts = [hypothesis, ...references].map((text) => keepPrefix ? text : withoutPrefix(text));
  const lines = texts.map((text) => text.split(/\r?\n/).filter((line) => line.trim() !== ""));
  const count = lines[0]!.length;
  if (count === 0 || lines.some(({ length }) => length !== count)) {
    return [{ hypothesis: texts[0]!, references: texts.slice(1) }];
  }
  return lines[0]!.map((line, i): Translated => ({
    hypothesis: line,
    references: lines.slice(1).map((other) => other[i]!),
  }));
};
