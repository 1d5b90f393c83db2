/** Tokens back to text, step by step as the decoder of `tokenizer.json` says. @module */
import { badTokenizer, isObject, type JsonObject } from "./tokenizer_fields.ts";

/** Turns the spellings of tokens into text. */
export type TokenDecoder = (tokens: ReadonlyArray<string>) => string;

type Step = (tokens: ReadonlyArray<string>) => ReadonlyArray<string>;

const known = ["Sequence", "ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Replace", "Strip"];

/** Reads the `decoder` of `tokenizer.json`; throws `BadTokenizer` for a step that is not known here. */
export const tokenDecoder = (decoder: unknown): TokenDecoder => {
  if (decoder === null || decoder === undefined) return (tokens) => tokens.join(" ");
  const steps = stepsOf(decoder);
  return (tokens) => steps.reduce((texts, step) => step(texts), tokens).join("");
};

const stepsOf = (decoder: unknown): ReadonlyArray<Step> => {
  const type = isObject(decoder) ? decoder["type"] : undefined;
  if (!isObject(decoder) || typeof type !== "string" || !known.includes(type)) {
    throw badTokenizer(`its decoder should be one of ${known.join(", ")} but is ${type}`);
  }
  switch (type) {
    case "Sequence": {
      const { decoders } = decoder;
      return Array.isArray(decoders) ? decoders.flatMap(stepsOf) : [];
    }
    case "ByteLevel":
      return [byteLevel];
    case "ByteFallback":
      return [byteFallback];
    case "Fuse":
      return [(tokens) => [tokens.join("")]];
    case "Metaspace":
      return [metaspace(decoder)];
    case "Replace":
      return [replace(decoder)];
    default:
      return [strip(decoder)];
  }
};

/** The character that byte-level vocabularies write for each byte: itself where it is printable. */
const byteOf: ReadonlyMap<string, number> = (() => {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  let other = 256;
  return new Map(
    bytes.map((byte) => [String.fromCharCode(printable(byte) ? byte : other++), byte]),
  );
})();

const utf8 = new TextEncoder();
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

const byteLevel: Step = (tokens) => {
  const bytes = tokens.flatMap((token) => {
    const own = Array.from(token, (char) => byteOf.get(char));
    // An added token that is not written in the byte alphabet stands for itself.
    return own.every((byte) => byte !== undefined) ? own : [...utf8.encode(token)];
  });
  return [lossy.decode(Uint8Array.from(bytes))];
};

const BYTE = /^<0x([0-9A-Fa-f]{2})>$/;

/** The bytes of a token, `<0x0A>` being one, each as the character of its number. */
export const bytesOfToken = (token: string): string => {
  const hex = BYTE.exec(token)?.[1];
  return hex === undefined
    ? Array.from(utf8.encode(token), (byte) => String.fromCharCode(byte)).join("")
    : String.fromCharCode(Number.parseInt(hex, 16));
};

/** Runs of byte tokens are read as UTF-8 or, where they are none, give a replacement character each. */
const byteFallback: Step = (tokens) => {
  const texts: Array<string> = [];
  let bytes: Array<number> = [];
  const flush = (): void => {
    if (bytes.length > 0) texts.push(...readRun(Uint8Array.from(bytes)));
    bytes = [];
  };
  for (const token of tokens) {
    const hex = BYTE.exec(token)?.[1];
    if (hex !== undefined) {
      bytes.push(Number.parseInt(hex, 16));
      continue;
    }
    flush();
    texts.push(token);
  }
  flush();
  return texts;
};

const readRun = (bytes: Uint8Array<ArrayBuffer>): ReadonlyArray<string> => {
  try {
    return [strict.decode(bytes)];
  } catch (cause) {
    if (cause instanceof TypeError) return Array.from(bytes, () => "\u{FFFD}");
    throw cause;
  }
};

const metaspace = (decoder: JsonObject): Step => {
  const { replacement = "▁", prepend_scheme = "always" } = decoder;
  const mark = String(replacement);
  return (tokens) =>
    tokens.map((token, i) =>
      token.replaceAll(mark, i === 0 && prepend_scheme !== "never" ? "" : " ")
    );
};

const replace = ({ pattern, content }: JsonObject): Step => {
  const from = isObject(pattern) ? pattern["String"] : undefined;
  if (typeof from !== "string" || from === "" || typeof content !== "string") {
    throw badTokenizer("the Replace step of its decoder should replace one text by another");
  }
  return (tokens) => tokens.map((token) => token.replaceAll(from, () => content));
};

const strip = ({ content, start, stop }: JsonObject): Step => {
  if (typeof content !== "string" || typeof start !== "number" || typeof stop !== "number") {
    throw badTokenizer("the Strip step of its decoder should have content, start and stop");
  }
  return (tokens) =>
    tokens.map((token) => {
      const chars = Array.from(token);
      let from = 0;
      let to = chars.length;
      while (from < start && chars[from] === content) from++;
      while (chars.length - to < stop && to > from && chars[to - 1] === content) to--;
      return chars.slice(from, to).join("");
    });
};

/** Removes the space before punctuation, as the reference does for word-level vocabularies. */
export const cleanUpSpaces = (text: string): string =>
  [".", "?", "!", ",", " ' ", "n't", "'m", "'s", "'ve", "'re"].reduce(
    (cleaned, mark) =>
      mark === " ' "
        ? cleaned.replaceAll(mark, () => "'")
        : cleaned.replaceAll(` ${mark}`, () => mark),
    text,
  );
