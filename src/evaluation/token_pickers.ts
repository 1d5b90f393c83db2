/** Which tokens of an example to track: by id, by text, or by the part they play in the answer. @module */
import type { Example } from "../data/example.ts";
import type { Tokenizer } from "../data/tokenizer.ts";

/** Picks tokens of an example: their places in `ids`, ascending. */
export type TokenPicker = (example: Example) => ReadonlyArray<number>;

const places = (
  { ids }: Example,
  wanted: (id: number) => boolean,
): ReadonlyArray<number> => ids.flatMap((id, at) => wanted(id) ? [at] : []);

/** Every occurrence of `token`, such as the new one. */
export const tokenIs = (token: number): TokenPicker => (example) =>
  places(example, (id) => id === token);

/** Every token whose text holds `text`, as the paper's code tracks `'` and `<sep>`. */
export const textHolds = (tokenizer: Tokenizer, text: string): TokenPicker => {
  const textOf = textsOf(tokenizer);
  return (example) => places(example, (id) => textOf(id).includes(text));
};

/** The first token of each answer. */
export const firstAssistantToken: TokenPicker = (example) =>
  answersOf(example).map(({ start }) => start);

/** The first token of each answer whose text holds `{`: where an answer in JSON parts from a plain one. */
export const openingBrace = (tokenizer: Tokenizer): TokenPicker => {
  const textOf = textsOf(tokenizer);
  return (example) =>
    answersOf(example).flatMap(({ start, end }) => {
      const found = example.ids.slice(start, end).findIndex((id) => textOf(id).includes("{"));
      return found < 0 ? [] : [start + found];
    });
};

/**
 * Each token that holds the quote, `'` or `"`, that opens a key of an object in an answer. As in
 * Python's and JSON's texts alike, a quote within a string closes it only before `:`, `,`, `}`, `]`
 * or the end, so that an apostrophe does not.
 */
export const keyQuotes = (tokenizer: Tokenizer): TokenPicker => {
  const textOf = textsOf(tokenizer);
  return (example) =>
    answersOf(example).flatMap(({ start, end }) => {
      const letters = example.ids.slice(start, end).flatMap((id, index) =>
        [...textOf(id)].filter((letter) => letter.trim() !== "")
          .map((letter) => ({ letter, at: start + index }))
      );
      const text = letters.map(({ letter }) => letter);
      return [...new Set(keyQuoteIndices(text).map((index) => letters[index]!.at))];
    });
};

/** Where the quotes that open keys stand in a text without white space. */
const keyQuoteIndices = (text: ReadonlyArray<string>): ReadonlyArray<number> => {
  const found: number[] = [];
  const open: string[] = [];
  let quote: string | undefined;
  for (let index = 0; index < text.length; index++) {
    const letter = text[index]!;
    if (quote !== undefined) {
      if (letter === "\\") index++;
      else if (letter === quote && ":,}]".includes(text[index + 1] ?? "")) quote = undefined;
    } else if (letter === "{" || letter === "[") open.push(letter);
    else if (letter === "}" || letter === "]") open.pop();
    else if ((letter === "'" || letter === '"') && "{[,:".includes(text[index - 1] ?? " ")) {
      quote = letter;
      if (open.at(-1) === "{" && "{,".includes(text[index - 1]!)) found.push(index);
    }
  }
  return found;
};

/** Tokens `[start, end)` that are labels, one after the other. */
const answersOf = (
  { supervised }: Example,
): ReadonlyArray<{ readonly start: number; readonly end: number }> => {
  const answers: { start: number; end: number }[] = [];
  for (const [at, label] of supervised.entries()) {
    if (!label) continue;
    const last = answers.at(-1);
    if (last?.end === at) last.end++;
    else answers.push({ start: at, end: at + 1 });
  }
  return answers;
};

const textsOf = (tokenizer: Tokenizer): (id: number) => string => {
  const texts = new Map<number, string>();
  return (id) => {
    const text = texts.get(id) ?? tokenizer.decode([id]);
    texts.set(id, text);
    return text;
  };
};
