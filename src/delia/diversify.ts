/**
 * Diversification: many phrasings of one instruction, so that what is learned is the new token and
 * not one sentence (DELIA, arXiv 2408.10841).
 *
 * @module
 */
import { type Cause, Context, Data, type Stream } from "effect";

/** One way to ask for the task. */
export interface Phrasing {
  /** Holds the new token at least once, and `{context}` where the context goes if not in front. */
  readonly text: string;
}

/** Makes phrasings of an instruction. */
export interface Paraphraser {
  /**
   * `count` different phrasings of `instruction`. Fails with `NotEnough` after those it found when
   * there are fewer.
   */
  readonly paraphrase: (
    instruction: string,
    count: number,
  ) => Stream.Stream<Phrasing, ParaphraserError>;
}

/** The source of phrasings of a run. */
export const Paraphraser: Context.Service<Paraphraser, Paraphraser> = Context.Service(
  "delia/delia/Paraphraser",
);

/** What a phrasing must keep to. */
export interface PhrasingRules {
  /** The new token, which stands for the description of the format. */
  readonly token: string;
  /** Words that would give the format away; a word that starts with one counts, in any case. */
  readonly banned: ReadonlyArray<string>;
  /**
   * Two phrasings are the same when the edit distance of their texts, divided by the longer length,
   * is not above this; 0 drops only texts that differ in case and white space alone.
   */
  readonly minDistance: number;
}

/** The rules of the paper's own phrasings. */
export const defaultRules: PhrasingRules = {
  token: "<sep>",
  banned: ["json", "thought"],
  minDistance: 0,
};

/** What a text breaks. */
export type PhrasingRejection = "no_token" | "banned_word" | "duplicate";

/** Which rule `text` breaks beside the phrasings taken so far, or undefined. */
export const rejectionOfPhrasing = (
  text: string,
  taken: ReadonlyArray<Phrasing>,
  { token, banned, minDistance }: PhrasingRules,
): PhrasingRejection | undefined => {
  if (!text.includes(token)) return "no_token";
  const words = text.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  if (words.some((word) => banned.some((leak) => word.startsWith(leak.toLowerCase())))) {
    return "banned_word";
  }
  const normalised = normalise(text);
  return taken.some((other) => isNear(normalised, normalise(other.text), minDistance))
    ? "duplicate"
    : undefined;
};

const normalise = (text: string): string => text.toLowerCase().replace(/\s+/g, " ").trim();

const isNear = (a: string, b: string, minDistance: number): boolean => {
  if (a === b) return true;
  const longer = Math.max(a.length, b.length);
  // Texts whose lengths alone differ by more cannot be near.
  if (Math.abs(a.length - b.length) > minDistance * longer) return false;
  return editDistance(a, b) <= minDistance * longer;
};

/** Fewest insertions, deletions and replacements of characters that turn `a` into `b`. */
export const editDistance = (a: string, b: string): number => {
  let above = Uint32Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = new Uint32Array(b.length + 1);
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, above[j]! + 1, row[j - 1]! + 1);
    }
    above = row;
  }
  return above[b.length]!;
};

/**
 * The user's message: the phrasing with `context` in its `{context}`, or else after the context.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { withContext } from "@delia/delia/delia";
 *
 * assert(withContext({ text: "use <sep> ." }, "1 + 1 ?") === "1 + 1 ? use <sep> .");
 * assert(withContext({ text: "in <sep> : {context}" }, "1 + 1 ?") === "in <sep> : 1 + 1 ?");
 * ```
 */
export const withContext = ({ text }: Phrasing, context: string, separator = " "): string =>
  text.includes("{context}")
    ? text.replaceAll("{context}", () => context)
    : `${context}${separator}${text}`;

/** Why a {@linkcode ParaphraserError} happened; match on `_tag`. */
export type ParaphraserReason =
  | { readonly _tag: "CannotRead"; readonly file: string; readonly report: string }
  | {
    readonly _tag: "BadPhrasing";
    readonly file: string;
    readonly line: number;
    readonly text: string;
    readonly rejection: PhrasingRejection | "no_text";
  }
  | { readonly _tag: "NoPhrasing"; readonly file: string }
  | { readonly _tag: "BadGrammar"; readonly frame: string; readonly slot: string }
  | {
    readonly _tag: "NotEnough";
    readonly wanted: number;
    readonly found: number;
    readonly rejected: Readonly<Record<PhrasingRejection, number>>;
  };

const ParaphraserErrorBase: new (fields: { readonly reason: ParaphraserReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "ParaphraserError"; readonly reason: ParaphraserReason } = Data.TaggedError(
    "ParaphraserError",
  );

const rules: Readonly<Record<PhrasingRejection | "no_text", string>> = {
  no_text: 'should be a text or {"text": …}',
  no_token: "should hold the new token",
  banned_word: "should not hold a word that gives the format away",
  duplicate: "should differ from the others",
};

const explain = (reason: ParaphraserReason): string => {
  switch (reason._tag) {
    case "CannotRead":
      return `${reason.file} cannot be read: ${reason.report}`;
    case "BadPhrasing":
      return `${reason.file}:${reason.line}: the phrasing ${rules[reason.rejection]} ` +
        `but is ${JSON.stringify(reason.text)}`;
    case "NoPhrasing":
      return `${reason.file} holds no phrasing: expected one a line`;
    case "BadGrammar":
      return `The frame ${JSON.stringify(reason.frame)} names {${reason.slot}}, ` +
        "which should be a slot of the grammar with at least one wording";
    case "NotEnough": {
      const { no_token, banned_word, duplicate } = reason.rejected;
      return `Expected ${reason.wanted} phrasings but found ${reason.found} (left out: ${no_token} ` +
        `without the token, ${banned_word} with a banned word, ${duplicate} like another): ` +
        "ask for fewer, or add wordings";
    }
  }
};

/** The one error of making phrasings. */
export class ParaphraserError extends ParaphraserErrorBase {
  override get message(): string {
    return explain(this.reason);
  }
}
