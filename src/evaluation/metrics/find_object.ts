/**
 * Finds the object in a model's answer: from the first `{` to the bracket that closes it, past the
 * brackets in strings, even where a string's own quotes are not escaped.
 *
 * A quote opens a string only after `{`, `,`, `:` or `[`, and closes it only before `:`, `,`, `}`, `]`
 * or the end. One look at each character: linear in the answer's length. Valid JSON and Python are found
 * exactly, but for two strings side by side in different quotes, which Python would join.
 *
 * @module
 */
import { maxDepth } from "./python_literal.ts";

/** Where an object lies in a text. */
export interface FoundObject {
  /** At its `{`. */
  readonly start: number;
  /** After its `}`, or the text's length where it is not closed. */
  readonly end: number;
  /** Its strings, between the quotes. */
  readonly strings: ReadonlyArray<{ readonly from: number; readonly to: number }>;
  /** Whether the text ends inside the last string. */
  readonly inString: boolean;
  /** Brackets that the text lacks, in order; empty where the object is closed. */
  readonly missing: string;
}

/** The quote that ends a string, by the one that begins it. */
const closers: Readonly<Record<string, string>> = {
  "'": "'",
  '"': '"',
  "“": "”",
  "‘": "’",
  "„": "“",
};
const space = /\s/;

/** The first character from `at` on that is no space. */
const nextAfterSpace = (text: string, at: number): string | undefined => {
  while (at < text.length && space.test(text[at]!)) at++;
  return text[at];
};

/** Whether a quote at `at` ends its string. */
const endsString = (text: string, at: number): boolean => {
  const next = nextAfterSpace(text, at + 1);
  return next === undefined || ":,}]".includes(next);
};

/** The object at the first `{`; undefined where there is none or its brackets do not match. */
export const findObject = (text: string): FoundObject | undefined => {
  const start = text.indexOf("{");
  if (start < 0) return undefined;
  const strings: { from: number; to: number }[] = [];
  const open: string[] = []; // the brackets that are still to come, innermost last
  let before = ""; // the last character that was no space
  for (let at = start; at < text.length; at++) {
    const char = text[at]!;
    if (space.test(char)) continue;
    const closer = "{,:[".includes(before) && before !== "" ? closers[char] : undefined;
    if (closer !== undefined) {
      const from = ++at;
      while (at < text.length && !(text[at] === closer && endsString(text, at))) {
        at += text[at] === "\\" ? 2 : 1;
      }
      strings.push({ from, to: Math.min(at, text.length) });
      if (at >= text.length) {
        return {
          start,
          end: text.length,
          strings,
          inString: true,
          missing: open.reverse().join(""),
        };
      }
    } else if (char === "{" || char === "[") {
      open.push(char === "{" ? "}" : "]");
      if (open.length > maxDepth) return undefined;
    } else if (char === "}" || char === "]") {
      if (open.pop() !== char) return undefined;
      if (open.length === 0) return { start, end: at + 1, strings, inString: false, missing: "" };
    }
    before = char;
  }
  return { start, end: text.length, strings, inString: false, missing: open.reverse().join("") };
};
