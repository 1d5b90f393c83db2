/** Text to token ids and back, and chats to ids with the span of each message. @module */
import { Context, Effect, Layer } from "effect";
import { type Piece, splitterAt } from "./added_tokens.ts";
import type { Message } from "./chat.ts";
import { makeChatTemplate } from "./chat_template.ts";
import { type ChatTokens, probeTemplate, renderChat, type Rendered } from "./chat_tokens.ts";
import { DataError } from "./data_error.ts";
import { loadedAsWritten, withNewTokens } from "./new_tokens.ts";
import { readSpecialIds } from "./special_ids.ts";
import { bytesOfToken, cleanUpSpaces, tokenDecoder } from "./token_decoder.ts";
import { badTokenizer, isObject } from "./tokenizer_fields.ts";
import { type RawTokenizer, readTokenizerFiles, type TokenizerFiles } from "./tokenizer_json.ts";
import { type Pipeline, readPipeline } from "./tokenizer_pipeline.ts";

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

const fromRaw = (
  raw: RawTokenizer,
  pipeline: Pipeline = readPipeline(raw.tokenizer),
): Tokenizer => {
  const { special, vocab, nextId: vocabSize } = raw;
  const { bosId, eosId, padId } = specialIdsOf(raw);
  const encode = encoderOf(raw, pipeline, { bos: bosId, eos: eosId });

  const tokens = new Map([...vocab].map(([token, id]) => [id, token]));
  const specialIds = new Set(raw.added.flatMap(({ special, id }) => special ? [id] : []));
  const decode = decoderOf(raw, pipeline, tokens, specialIds);

  const template = raw.chatTemplate === undefined
    ? undefined
    : makeChatTemplate(raw.chatTemplate, special);
  const chats: ChatTokens = {
    ...{ template, encode, decode, specialIds, bosId, bos: special.bos_token },
    spell: spellerOf(raw, tokens),
  };
  const probe = template === undefined ? undefined : probeTemplate(chats);

  return {
    vocabSize,
    bosId,
    eosId,
    padId,
    stopIds: [...new Set([eosId, ...(probe?.endOfTurn ?? [])])],
    encode,
    decode,
    tokenOf: (id) => tokens.get(id),
    idOf: (token) => vocab.get(token),
    render: (messages, { addGenerationPrompt = false } = {}) =>
      failing(() => renderChat(chats, probe?.bosPerChat ?? "one", messages, addGenerationPrompt)),
    withTokens: (contents) => {
      const missing = [...new Set(contents)].filter((content) => !vocab.has(content));
      const extended = fromRaw(readTokenizerFiles(withNewTokens(raw, missing)), pipeline);
      return { tokenizer: extended, ids: contents.map((content) => extended.idOf(content)!) };
    },
    toFiles: () => loadedAsWritten(raw.files),
  };
};

/** Ids of the special tokens that the config names; each has to be in the vocabulary. */
const specialIdsOf = ({ special, vocab }: RawTokenizer) => {
  for (const role of ["bos", "eos", "unk", "pad", "sep", "cls", "mask"]) {
    const token = special[`${role}_token`];
    if (token === undefined || vocab.has(token)) continue;
    throw badTokenizer(`${role}_token is ${token}, which the vocabulary lacks`);
  }
  const idOf = (token: string | undefined) => token === undefined ? undefined : vocab.get(token);
  const eosId = idOf(special.eos_token);
  if (eosId === undefined) throw badTokenizer("tokenizer_config.json names no eos_token");
  return { bosId: idOf(special.bos_token), eosId, padId: idOf(special.pad_token) };
};

const encoderOf = (
  { tokenizer, config, vocab, added }: RawTokenizer,
  { normalize, split, spell }: Pipeline,
  ids: { readonly bos: number | undefined; readonly eos: number },
): Tokenizer["encode"] => {
  const around = readSpecialIds(tokenizer["post_processor"], config, ids);
  const splitRaw = splitterAt(added.filter(({ normalized }) => !normalized));
  const splitNormalized = splitterAt(
    added.filter(({ normalized }) => normalized),
    ({ content }) => normalize(content),
  );
  const idsOf = (piece: Piece, ofText: (text: string, start: number) => ReadonlyArray<number>) =>
    "id" in piece ? [piece.id] : ofText(piece.text, piece.start);
  const plain = (text: string): ReadonlyArray<number> =>
    splitRaw(text).flatMap((raw) =>
      idsOf(
        raw,
        (section, at) =>
          splitNormalized(normalize(section)).flatMap((piece) =>
            idsOf(piece, (normalized, start) =>
              split(normalized, at + start === 0).flatMap((word) =>
                spell(word).map((token) => vocab.get(token)!)
              ))
          ),
      )
    );
  return (text, { addSpecial = false } = {}) => {
    if (!text.isWellFormed()) {
      throw new DataError({ reason: { _tag: "UnknownToken", text: loneSurrogate(text) } });
    }
    const inside = plain(text);
    return addSpecial ? [...around.before, ...inside, ...around.behind] : inside;
  };
};

/** The first half of a character that lacks its other half: no text that UTF-8 could write. */
const loneSurrogate = (text: string): string => /\p{Cs}/u.exec(text)?.[0] ?? "";

/** What each token stands for: its bytes where the vocabulary has byte tokens, else its spelling. */
const spellerOf = (
  { tokenizer, added }: RawTokenizer,
  tokens: ReadonlyMap<number, string>,
): (id: number) => string => {
  const model = tokenizer["model"];
  const { type, byte_fallback } = isObject(model) ? model : {};
  const addedIds = new Set(added.map(({ id }) => id));
  return (id) => {
    const token = tokens.get(id) ?? "";
    // A private character parts what joins no neighbour: added tokens, words.
    if (addedIds.has(id)) return `\u{E000}${id}\u{E000}`;
    if (type === "WordLevel") return `${token}\u{E000}`;
    return byte_fallback === true ? bytesOfToken(token) : token;
  };
};

const decoderOf = (
  { tokenizer, added, cleanUpSpaces: cleanUp }: RawTokenizer,
  { normalize }: Pipeline,
  tokens: ReadonlyMap<number, string>,
  specialIds: ReadonlySet<number>,
): Tokenizer["decode"] => {
  const decode = tokenDecoder(tokenizer["decoder"]);
  // The reference decodes a token that is looked for in normalized text as it is spelled there.
  const spelled = new Map(
    added.flatMap(({ id, content, normalized }) =>
      normalized ? [[id, normalize(content)] as const] : []
    ),
  );
  return (ids, { skipSpecial = false } = {}) => {
    const kept = ids.filter((id) => !(skipSpecial && specialIds.has(id)));
    const text = decode(kept.flatMap((id) => spelled.get(id) ?? tokens.get(id) ?? []));
    return cleanUp ? cleanUpSpaces(text) : text;
  };
};
