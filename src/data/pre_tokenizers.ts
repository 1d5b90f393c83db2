/** Pre-tokenizers of `tokenizer.json` in the form in which the library computes what the reference does. @module */
import { badTokenizer, isObject, type JsonObject } from "./tokenizer_fields.ts";

const known = ["Sequence", "ByteLevel", "Digits", "Metaspace", "Split", "WhitespaceSplit"];

/** The split of GPT-2, which the library writes with JavaScript's own idea of white space. */
const GPT2 = String
  .raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

// Digits of Unicode 17, which JavaScript's tables may lack, are digits to the reference.
const NUMBER = String.raw`[\p{N}\x{11DE0}-\x{11DE9}\x{16FF4}-\x{16FF6}]`;

// Upper and lower case as the reference folds them: the library folds ASCII only.
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const FOLDED = "(?:'[sS\u017f]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";

/** The pre-tokenizer for the library; throws `BadTokenizer` for one that it cannot compute. */
export const exactPreTokenizer = (preTokenizer: unknown): unknown => rewrite(preTokenizer, true);

const rewrite = (preTokenizer: unknown, first: boolean): unknown => {
  if (preTokenizer === null) return null;
  const type = isObject(preTokenizer) ? preTokenizer["type"] : undefined;
  if (!isObject(preTokenizer) || typeof type !== "string" || !known.includes(type)) {
    throw badTokenizer(`its pre_tokenizer should be one of ${known.join(", ")} but is ${type}`);
  }
  switch (type) {
    case "Sequence": {
      const { pretokenizers } = preTokenizer;
      return sequence(
        Array.isArray(pretokenizers)
          ? pretokenizers.map((step, index) => rewrite(step, first && index === 0))
          : [],
      );
    }
    case "ByteLevel":
      return byteLevel(preTokenizer);
    case "Digits":
      return isolated(preTokenizer["individual_digits"] === true ? NUMBER : `${NUMBER}+`);
    case "Metaspace":
      return metaspace(preTokenizer, first);
    case "Split":
      return split(preTokenizer);
    default:
      return { type: "Split", pattern: { Regex: "\\s+" }, behavior: "Removed", invert: false };
  }
};

const sequence = (pretokenizers: ReadonlyArray<unknown>): JsonObject => ({
  type: "Sequence",
  pretokenizers,
});

const isolated = (regex: string): JsonObject => ({
  type: "Split",
  pattern: { Regex: regex },
  behavior: "Isolated",
  invert: false,
});

const byteLevel = (preTokenizer: JsonObject): JsonObject => {
  const { add_prefix_space, use_regex = true } = preTokenizer;
  // "Replace" is the library's own: a space before the text, unless one is there.
  const prefix = { type: "Replace", pattern: { Regex: "\\A[^ ]" }, content: " $&" };
  return sequence([
    ...(add_prefix_space === true ? [prefix] : []),
    ...(use_regex === true ? [isolated(GPT2)] : []),
    { type: "ByteLevel", add_prefix_space: false, use_regex: false },
  ]);
};

const metaspace = (preTokenizer: JsonObject, first: boolean): JsonObject => {
  const { replacement = "▁", prepend_scheme = "always", split = true } = preTokenizer;
  if (typeof replacement !== "string" || preTokenizer["str_rep"] !== undefined) {
    throw badTokenizer("its Metaspace should have a replacement, and no str_rep");
  }
  if (prepend_scheme === "first" && !first) {
    throw badTokenizer('Metaspace with prepend_scheme "first" should be its first pre_tokenizer');
  }
  const marked = { type: "Metaspace", replacement, prepend_scheme };
  return split === true ? sequence([marked, isolated(mergedWithNext(replacement))]) : marked;
};

const split = (preTokenizer: JsonObject): JsonObject => {
  const { pattern, behavior, invert } = preTokenizer;
  const regex = isObject(pattern) ? pattern["Regex"] : undefined;
  const text = isObject(pattern) ? pattern["String"] : undefined;
  if (typeof regex === "string") {
    const folded = regex.replaceAll(CONTRACTIONS, FOLDED);
    if (folded.includes("(?i")) {
      throw badTokenizer(`the split ${regex} ignores case, which is not computed here`);
    }
    if (behavior === "Isolated") return isolated(folded);
    if (behavior === "Removed" && invert === true) {
      return { ...preTokenizer, pattern: { Regex: folded } };
    }
  }
  if (typeof text === "string" && text !== "" && invert !== true) {
    if (behavior === "Isolated") return isolated(quote(text));
    if (behavior === "MergedWithPrevious") return isolated(mergedWithPrevious(text));
    if (behavior === "MergedWithNext") return isolated(mergedWithNext(text));
  }
  throw badTokenizer(
    `the split with behavior ${behavior}, invert ${invert} and pattern ${
      JSON.stringify(pattern)
    } ` +
      "is not computed here",
  );
};

const quote = (text: string): string => text.replace(/[\\^$.|?*+()[\]{}&-]/g, "\\$&");
const others = (text: string): string => `(?:(?!${quote(text)})[\\s\\S])*`;
const mergedWithNext = (text: string): string => quote(text) + others(text);
const mergedWithPrevious = (text: string): string => others(text) + quote(text);
