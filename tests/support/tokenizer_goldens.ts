/** Reads fixtures/goldens/tokenizers: small tokenizers of the families, and what Python makes of them. @module */
import type { Message } from "../../src/data/chat.ts";

const folder = new URL("../../fixtures/goldens/tokenizers/", import.meta.url);

const read = (name: string): unknown =>
  JSON.parse(Deno.readTextFileSync(new URL(`${name}.json`, folder)));

/** A chat as transformers renders it, or the error of a template that refuses it. */
export interface ChatGolden {
  readonly template: string;
  readonly messages: ReadonlyArray<Message>;
  readonly error?: string;
  readonly text: string;
  readonly ids: ReadonlyArray<number>;
  /** 1 where the token is the assistant's. */
  readonly assistant: ReadonlyArray<number>;
  /** Ids of all messages but the last, with the generation prompt. */
  readonly prompt: ReadonlyArray<number>;
}

/** One family's golden. */
export interface TokenizerGolden {
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
  /** Id of `<sep>`, added to the tokenizer for everything below. */
  readonly sep: number;
  /** Ids of each text. */
  readonly ids: ReadonlyArray<ReadonlyArray<number>>;
  /** Ids of "hello" with special tokens. */
  readonly withSpecial: ReadonlyArray<number>;
  /** Text of `ids`. */
  readonly decoded: ReadonlyArray<string>;
  /** Text of `ids` without the first and the last. */
  readonly cut: ReadonlyArray<string>;
  /** Text of every single token. */
  readonly pieces: ReadonlyArray<string>;
  readonly chats: ReadonlyArray<ChatGolden>;
}

/** The families, by the name of their golden. */
export const families: ReadonlyArray<string> = [...Deno.readDirSync(folder)]
  .map(({ name }) => name.replace(/\.json$/, ""))
  .filter((name) => name !== "texts")
  .sort();

/** The golden of a family. */
export const readGolden = (family: string): TokenizerGolden => read(family) as TokenizerGolden;

/** The texts whose ids the goldens hold. */
export const readTexts = (): ReadonlyArray<string> =>
  (read("texts") as { readonly texts: ReadonlyArray<string> }).texts;

/** A chat template without and with {% generation %} blocks. */
export const readTemplate = (name: string): { readonly plain: string; readonly marked: string } =>
  (read("texts") as {
    readonly templates: Readonly<
      Record<string, { readonly plain: string; readonly marked: string }>
    >;
  }).templates[name]!;
