/** Reads the object in a model's answer: as JSON, as a Python literal, or repaired. @module */
import { findObject, type FoundObject } from "./find_object.ts";
import { type PythonValue, readPythonLiteral } from "./python_literal.ts";

/** How far an answer is helped: `none` is the paper's "parsable", `lenient` mends what it can. */
export type Repair = "none" | "lenient";

/** An object that was read. */
export interface ReadObject {
  readonly object: { readonly [key: string]: PythonValue };
  /** The first reader that understood it. */
  readonly by: "json" | "python" | "repair";
}

/**
 * The first object in `text`, or undefined where it can't be read: text before and after it is passed
 * over, such as a code fence, and the first `{` decides.
 *
 * `lenient` also writes every string anew (other quotes, quotes and line breaks inside), drops
 * trailing commas, takes True and true alike, and closes what the text leaves open.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { readObject } from "@delia/delia/evaluation";
 *
 * const answer = `Sure! {'thought': "It doesn't say so.", 'hallucination': 'no'}`;
 * assert.equal(readObject(answer)?.object.hallucination, "no");
 * assert.equal(readObject("{'thought': 'cut sh"), undefined);
 * assert.equal(readObject("{'thought': 'cut sh", "lenient")?.object.thought, "cut sh");
 * ```
 */
export const readObject = (text: string, repair: Repair = "none"): ReadObject | undefined => {
  const found = findObject(text);
  if (found === undefined) return undefined;
  if (found.missing === "") {
    const own = text.slice(found.start, found.end);
    const json = parseJson(own);
    if (json !== undefined) return { object: json, by: "json" };
    const python = readPythonLiteral(own);
    if (isObject(python)) return { object: python, by: "python" };
  }
  if (repair === "none") return undefined;
  const mended = parseJson(mend(text, found));
  return mended === undefined ? undefined : { object: mended, by: "repair" };
};

/** The object that the whole of `text`, spaces at its ends apart, is in JSON. */
export const readJsonObject = (text: string): ReadObject["object"] | undefined => {
  const found = findObject(text);
  const own = text.trim();
  return found?.missing === "" && own.startsWith("{") ? parseJson(own) : undefined;
};

const isObject = (value: PythonValue | undefined): value is ReadObject["object"] =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Nesting is bounded by {@linkcode findObject}, so that the parser can't run out of stack. */
const parseJson = (text: string): ReadObject["object"] | undefined => {
  try {
    const value: PythonValue = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
};

const jsonWords: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null" };

/** What stands between strings, as JSON writes it: its words, and no comma before a bracket. */
const mendBetween = (text: string): string =>
  text.replaceAll(/\b(?:True|False|None)\b/g, (word) => jsonWords[word]!)
    .replaceAll(/,(?=\s*[}\]])/g, "");

const escapes = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([^]))/g;
const named: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  "\\": "\\",
  "/": "/",
  "'": "'",
  '"': '"',
};

const mendString = (content: string): string =>
  JSON.stringify(content.replaceAll(escapes, (all, four, two, other) => {
    const hex = four ?? two;
    return hex === undefined ? named[other] ?? all : String.fromCharCode(parseInt(hex, 16));
  }));

const mend = (text: string, { start, end, strings, inString, missing }: FoundObject): string => {
  let between = start;
  const parts: string[] = [];
  for (const { from, to } of strings) {
    parts.push(mendBetween(text.slice(between, from - 1)), mendString(text.slice(from, to)));
    between = to + 1;
  }
  parts.push(mendBetween(inString ? missing : text.slice(between, end) + missing));
  return parts.join("");
};
