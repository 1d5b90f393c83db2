/** Text to token ids and back, and chats to ids with the span of each message. @module */
import { Tokenizer as Model } from "@huggingface/tokenizers";
import { Context, Effect, Layer } from "effect";
import type { Message } from "./chat.ts";
import { makeChatTemplate } from "./chat_template.ts";
import { type ChatTokens, probeTemplate, renderChat, type Rendered } from "./chat_tokens.ts";
import { DataError } from "./data_error.ts";
import { type RawTokenizer, readTokenizerFiles, type TokenizerFiles } from "./tokenizer_json.ts";

/** What {@linkcode Tokenizer.withTokens} gives. */
export interface Extended {
  readonly tokenizer: Tokenizer;
  /** Ids of the tokens asked for, in their order. */
  readonly ids: ReadonlyArray<number>;
}

/** Text to token ids and back. An immutable value: new tokens make a new tokenizer. */
export interface Tokenizer {
  /** Highest id plus one. A model may have more rows (padding), never fewer. */
  readonly vocabSize: number;
  /** `undefined` where the model's family has none. */
  readonly bosId: number | undefined;
  readonly eosId: number;
  /** `undefined` where no token is set aside for padding; batches here need none. */
  readonly padId: number | undefined;
  /** Where generation stops: `eosId`, and the token that ends a turn in the chat template. */
  readonly stopIds: ReadonlyArray<number>;
  /**
   * Ids of plain text. Special tokens written in the text become their ids; with `addSpecial` those
   * that the tokenizer puts around a text (BOS, in the Llama family) are added. Throws a `DataError`
   * (`UnknownToken`) for a word that the vocabulary lacks.
   */
  readonly encode: (
    text: string,
    options?: { readonly addSpecial?: boolean },
  ) => ReadonlyArray<number>;
  /** Text of ids; special tokens are written out unless `skipSpecial`. */
  readonly decode: (
    ids: ReadonlyArray<number>,
    options?: { readonly skipSpecial?: boolean },
  ) => string;
  /** The token of an id as the vocabulary spells it (`▁the`). */
  readonly tokenOf: (id: number) => string | undefined;
  /** The id of a token spelled as in the vocabulary. */
  readonly idOf: (token: string) => number | undefined;
  /**
   * A chat through the chat template. Content is written as it is, so `<sep>` in a message becomes
   * the token. With `addGenerationPrompt` the ids end where the assistant's answer begins.
   */
  readonly render: (
    messages: ReadonlyArray<Message>,
    options?: { readonly addGenerationPrompt?: boolean },
  ) => Effect.Effect<Rendered, DataError>;
  /**
   * Adds special tokens at ids from `vocabSize` on; a token that exists keeps its id. Spaces around
   * a new token stay part of their neighbours.
   */
  readonly withTokens: (contents: ReadonlyArray<string>) => Extended;
  /** The files to write beside a model, new tokens included. */
  readonly toFiles: () => TokenizerFiles;
}

export type { Rendered, Span } from "./chat_tokens.ts";

/** The tokenizer of a run. */
export const Tokenizer: Context.Service<Tokenizer, Tokenizer> = Context.Service(
  "delia/data/Tokenizer",
);

/** A layer of {@linkcode makeTokenizer}. */
export const layerTokenizer = (files: TokenizerFiles): Layer.Layer<Tokenizer, DataError> =>
  Layer.effect(Tokenizer, makeTokenizer(files));

/**
 * Builds a tokenizer from the parsed files of a Hugging Face model directory.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect } from "effect";
 * import { makeTokenizer } from "@delia/delia/data";
 *
 * const vocab = { "<unk>": 0, "<s>": 1, "</s>": 2, hello: 3, world: 4 };
 * const program = Effect.gen(function* () {
 *   const base = yield* makeTokenizer({
 *     tokenizer: {
 *       added_tokens: [{ id: 1, content: "<s>", special: true }, { id: 2, content: "</s>", special: true }],
 *       normalizer: null,
 *       pre_tokenizer: { type: "WhitespaceSplit" },
 *       post_processor: null,
 *       decoder: null,
 *       model: { type: "WordLevel", vocab, unk_token: "<unk>" },
 *     },
 *     config: { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" },
 *   });
 *   const { tokenizer, ids } = base.withTokens(["<sep>"]);
 *   assert(ids[0] === 5);
 *   assert(tokenizer.encode("hello <sep> world").join() === "3,5,4");
 * });
 * await Effect.runPromise(program);
 * ```
 */
export const makeTokenizer = (files: TokenizerFiles): Effect.Effect<Tokenizer, DataError> =>
  failing(() => fromRaw(readTokenizerFiles(files)));

/** Runs a plain function whose expected failures are thrown `DataError`s; anything else is a bug. */
const failing = <A>(run: () => A): Effect.Effect<A, DataError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run());
    } catch (cause) {
      return cause instanceof DataError ? Effect.fail(cause) : Effect.die(cause);
    }
  });

const fromRaw = (raw: RawTokenizer): Tokenizer => {
  const model = openModel(raw);
  const vocab = model.get_vocab(true);
  let vocabSize = 0;
  for (const id of vocab.values()) vocabSize = Math.max(vocabSize, id + 1);

  const idOf = (token: string): number | undefined => model.token_to_id(token);
  const required = (name: string, token: string | undefined): number | undefined => {
    if (token === undefined) return undefined;
    const id = idOf(token);
    if (id === undefined) throw bad(`${name} is ${token}, which the vocabulary lacks`);
    return id;
  };
  const { special } = raw;
  const bosId = required("bos_token", special.bos_token);
  const eosId = required("eos_token", special.eos_token);
  const padId = required("pad_token", special.pad_token);
  const unkId = required("unk_token", special.unk_token);
  if (eosId === undefined) throw bad("tokenizer_config.json names no eos_token");
  const specialIds = new Set([eosId, ...raw.specialIds]);

  const encode: Tokenizer["encode"] = (text, { addSpecial = false } = {}) => {
    if (text === "") return [];
    const { ids, tokens } = model.encode(text, { add_special_tokens: addSpecial });
    const at = (ids as ReadonlyArray<number | undefined>).findIndex((id, i) =>
      id === undefined || (id === unkId && tokens[i] !== special.unk_token)
    );
    if (at >= 0) throw new DataError({ reason: { _tag: "UnknownToken", text: tokens[at] ?? "" } });
    return ids;
  };
  const decode: Tokenizer["decode"] = (ids, { skipSpecial = false } = {}) => {
    const kept = skipSpecial ? ids.filter((id) => !specialIds.has(id)) : [...ids];
    return kept.length === 0
      ? ""
      : model.decode(kept, { clean_up_tokenization_spaces: raw.cleanUpSpaces });
  };

  const template = raw.chatTemplate === undefined
    ? undefined
    : makeChatTemplate(raw.chatTemplate, special);
  const chats: ChatTokens = { template, encode, decode, specialIds, bosId, bos: special.bos_token };
  const probe = template === undefined ? undefined : probeTemplate(chats);

  return {
    vocabSize,
    bosId,
    eosId,
    padId,
    stopIds: [...new Set([eosId, ...(probe?.endOfTurn ?? [])])],
    encode,
    decode,
    tokenOf: (id) => model.id_to_token(id),
    idOf,
    render: (messages, { addGenerationPrompt = false } = {}) =>
      failing(() => renderChat(chats, probe?.bosPerChat ?? "one", messages, addGenerationPrompt)),
    withTokens: (contents) => {
      const missing = [...new Set(contents)].filter((content) => idOf(content) === undefined);
      const tokenizer = fromRaw(
        raw.withTokens(missing.map((content, i) => ({ id: vocabSize + i, content }))),
      );
      return { tokenizer, ids: contents.map((content) => tokenizer.idOf(content) as number) };
    },
    toFiles: () => raw.files,
  };
};

const bad = (report: string): DataError =>
  new DataError({ reason: { _tag: "BadTokenizer", report } });

const openModel = (raw: RawTokenizer): Model => {
  try {
    return new Model(raw.files.tokenizer as object, raw.config);
  } catch (cause) {
    throw bad(cause instanceof Error ? cause.message : String(cause));
  }
};
