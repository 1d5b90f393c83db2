/** Added tokens: found in a text as the reference library finds them, white space rules included. @module */

/** A token that stands outside the model's own vocabulary rules, as `tokenizer.json` writes it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Found only where no letter, digit or underscore touches it. */
  readonly single_word: boolean;
  /** Takes the white space before it. */
  readonly lstrip: boolean;
  /** Takes the white space behind it. */
  readonly rstrip: boolean;
  /** Looked for in the normalized text, in its normalized spelling. */
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A special token found exactly as written, wherever it stands; white space around it is kept. */
export const plainToken = (id: number, content: string): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

/** A piece of text between added tokens, or one of those. */
export type Piece =
  | { readonly text: string; readonly start: number }
  | { readonly id: number };

/** Cuts a text at the tokens it was made for. */
export type SplitAtTokens = (text: string) => ReadonlyArray<Piece>;

const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const [ENDS_IN_WORD, STARTS_WITH_WORD] = [new RegExp(`${WORD}$`, "u"), new RegExp(`^${WORD}`, "u")];
const SPACE = /\p{White_Space}/u;

/**
 * Makes a splitter for `tokens`, each found as `spelling` writes it. The leftmost token wins, then
 * the longest; white space that a token takes is not given to a later one.
 */
export const splitterAt = (
  tokens: ReadonlyArray<AddedToken>,
  spelling: (token: AddedToken) => string = (token) => token.content,
): SplitAtTokens => {
  const bySpelling = new Map(tokens.map((token) => [spelling(token), token]));
  bySpelling.delete("");
  if (bySpelling.size === 0) return (text) => [{ text, start: 0 }];
  const longestFirst = [...bySpelling.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((content) => RegExp.escape(content)).join("|"), "g");
  return (text) => {
    const pieces: Array<Piece> = [];
    let from = 0;
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const token = bySpelling.get(content);
      if (token === undefined) continue;
      let [start, end] = [index, index + content.length];
      // A character is at most two units of the string.
      const touches = ENDS_IN_WORD.test(text.slice(Math.max(0, start - 2), start)) ||
        STARTS_WITH_WORD.test(text.slice(end, end + 2));
      if (token.single_word && touches) continue;
      while (token.lstrip && start > from && SPACE.test(text[start - 1] ?? "")) start--;
      while (token.rstrip && SPACE.test(text[end] ?? "")) end++;
      if (from < start) pieces.push({ text: text.slice(from, start), start: from });
      pieces.push({ id: token.id });
      from = end; // may go back: a token inside the white space that the one before it took
    }
    if (from < text.length) pieces.push({ text: text.slice(from), start: from });
    return pieces;
  };
};
