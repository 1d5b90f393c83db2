/**
 * Reads a Python dictionary as `ast.literal_eval` does: what models write when they are shown
 * `{'key': 'value'}`. Dictionaries with string keys, lists, strings, numbers, True, False and None;
 * no tuple, set, bytes, prefix such as `r''`, comment or expression.
 *
 * @module
 */

/** What a literal stands for. */
export type PythonValue =
  | string
  | number
  | boolean
  | null
  | ReadonlyArray<PythonValue>
  | { readonly [key: string]: PythonValue };

/** Containers in containers that are read; deeper ones are refused. */
export const maxDepth = 100;

/** That the text is no literal; never leaves this file. */
class NoLiteral extends Error {}

/**
 * The value of the literal that `text` is, or undefined where it is none.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { readPythonLiteral } from "@delia/delia/evaluation";
 *
 * assert.deepEqual(readPythonLiteral(`{'a': "don't", 'b': [True, None,]}`), {
 *   a: "don't",
 *   b: [true, null],
 * });
 * assert.equal(readPythonLiteral("{'a': true}"), undefined); // a name, not a literal
 * ```
 */
export const readPythonLiteral = (text: string): PythonValue | undefined => {
  const reader = { text, at: 0 };
  try {
    skipSpace(reader);
    const value = readValue(reader, 0);
    skipSpace(reader);
    return reader.at === text.length ? value : undefined;
  } catch (cause) {
    if (cause instanceof NoLiteral) return undefined;
    throw cause;
  }
};

interface Reader {
  readonly text: string;
  at: number;
}

const space = /[ \t\n\r\f]*/y;

const skipSpace = (reader: Reader): void => {
  space.lastIndex = reader.at;
  space.exec(reader.text);
  reader.at = space.lastIndex;
};

const word = /(?:True|False|None)(?![\p{L}\p{N}_])/uy;
const words: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null };
const digits = String.raw`\d(?:_?\d)*`;
const exponent = `(?:[eE][+-]?${digits})`;
const whole = String.raw`(?:[1-9](?:_?\d)*|0(?:_?0)*)`; // no 0 before other digits, but in fractions
const fraction = String
  .raw`(?:${digits}\.(?:${digits})?|\.${digits})${exponent}?|${digits}${exponent}`;
const numberForm = new RegExp(
  String.raw`[+-]?[ \t\n\r\f]*(?:${fraction}|${whole})(?![\p{L}\p{N}_.])`,
  "uy",
);

const match = (reader: Reader, form: RegExp): string | undefined => {
  form.lastIndex = reader.at;
  const found = form.exec(reader.text)?.[0];
  if (found !== undefined) reader.at += found.length;
  return found;
};

const readValue = (reader: Reader, depth: number): PythonValue => {
  if (depth > maxDepth) throw new NoLiteral();
  const first = reader.text[reader.at];
  if (first === "{") return readDictionary(reader, depth);
  if (first === "[") return readList(reader, depth);
  if (first === "'" || first === '"') return readStrings(reader);
  const name = match(reader, word);
  if (name !== undefined) return words[name]!;
  const number = match(reader, numberForm);
  if (number !== undefined) return Number(number.replaceAll(/[_ \t\n\r\f]/g, ""));
  throw new NoLiteral();
};

/** Reads what stands between the bracket here and `close`, with commas, also after the last one. */
const readBetween = (reader: Reader, close: string, readOne: () => void): void => {
  reader.at++;
  for (;;) {
    skipSpace(reader);
    if (reader.text[reader.at] === close) break;
    readOne();
    skipSpace(reader);
    if (reader.text[reader.at] === ",") reader.at++;
    else if (reader.text[reader.at] !== close) throw new NoLiteral();
  }
  reader.at++;
};

const readList = (reader: Reader, depth: number): PythonValue => {
  const items: PythonValue[] = [];
  readBetween(reader, "]", () => items.push(readValue(reader, depth + 1)));
  return items;
};

const readDictionary = (reader: Reader, depth: number): PythonValue => {
  const entries: [string, PythonValue][] = [];
  readBetween(reader, "}", () => {
    const key = readStrings(reader);
    skipSpace(reader);
    if (reader.text[reader.at++] !== ":") throw new NoLiteral();
    skipSpace(reader);
    entries.push([key, readValue(reader, depth + 1)]);
  });
  return Object.fromEntries(entries);
};

/** One string, or several side by side, which Python joins. */
const readStrings = (reader: Reader): string => {
  let joined = "";
  for (let count = 0;; count++) {
    const quote = reader.text[reader.at];
    if (quote === "'" || quote === '"') joined += readString(reader, quote);
    else if (count === 0) throw new NoLiteral();
    else return joined;
    skipSpace(reader);
  }
};

const plain = { "'": /[^'\\\r\n]+/y, '"': /[^"\\\r\n]+/y };

const readString = (reader: Reader, quote: "'" | '"'): string => {
  const { text } = reader;
  const long = text.startsWith(quote.repeat(3), reader.at); // may span lines and hold quotes
  const fence = long ? quote.repeat(3) : quote;
  const parts: string[] = [];
  reader.at += fence.length;
  while (!text.startsWith(fence, reader.at)) {
    const next = text[reader.at];
    if (next === "\\") parts.push(readEscape(reader));
    else if (next === undefined || (!long && "\r\n".includes(next))) throw new NoLiteral();
    else parts.push(match(reader, plain[quote]) ?? text[reader.at++]!);
  }
  reader.at += fence.length;
  return parts.join("");
};

const escapeForm =
  /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([^]))/uy;
const named: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** What a backslash and what follows it stand for; both, where Python gives them no meaning. */
const readEscape = (reader: Reader): string => {
  escapeForm.lastIndex = reader.at;
  const found = escapeForm.exec(reader.text);
  if (found === null) throw new NoLiteral();
  reader.at += found[0].length;
  const [, two, four, eight, octal, other] = found;
  const hex = two ?? four ?? eight;
  if (hex !== undefined || octal !== undefined) {
    const code = hex === undefined ? parseInt(octal!, 8) : parseInt(hex, 16);
    if (code > 0x10ffff) throw new NoLiteral();
    return String.fromCodePoint(code);
  }
  if ("xuUN".includes(other!)) throw new NoLiteral(); // cut short, or a character by its name
  return named[other!] ?? `\\${other}`;
};
