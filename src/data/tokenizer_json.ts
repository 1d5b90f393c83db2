/** What `tokenizer.json` and `tokenizer_config.json` say, read once and checked. @module */
import { type AddedToken, plainToken } from "./added_tokens.ts";
import { badTokenizer, isObject, type JsonObject } from "./tokenizer_fields.ts";

/** The parsed files of a tokenizer, as Hugging Face writes them. */
export interface TokenizerFiles {
  /** Content of `tokenizer.json`. */
  readonly tokenizer: unknown;
  /** Content of `tokenizer_config.json`. */
  readonly config: unknown;
  /** Content of `chat_template.jinja`; it wins over `chat_template` of the config. */
  readonly chatTemplate?: string;
}

/** The files with the few facts that are read from them. */
export interface RawTokenizer {
  readonly files: TokenizerFiles;
  readonly tokenizer: JsonObject;
  readonly config: JsonObject;
  /** Token → id of the model and of the added tokens. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Id of the next token that is added. */
  readonly nextId: number;
  /** Those of `tokenizer.json`, and those that transformers adds to them from the config. */
  readonly added: ReadonlyArray<AddedToken>;
  /** `bos_token`, `eos_token`, … where the config names them. */
  readonly special: Readonly<Record<string, string>>;
  readonly chatTemplate: string | undefined;
  /** Whether decoding removes the space before punctuation. */
  readonly cleanUpSpaces: boolean;
}

/** Reads the files; throws a `DataError` (`BadTokenizer`) where they are not what they should be. */
export const readTokenizerFiles = (files: TokenizerFiles): RawTokenizer => {
  const { tokenizer, config } = files;
  if (!isObject(tokenizer)) throw badTokenizer("tokenizer.json should be an object");
  if (!isObject(config)) throw badTokenizer("tokenizer_config.json should be an object");
  if (config["split_special_tokens"] === true) {
    throw badTokenizer("split_special_tokens of tokenizer_config.json is not computed here");
  }
  const { model } = tokenizer;
  const special: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const content = contentOf(value);
    if (name.endsWith("_token") && content !== undefined) special[name] = content;
  }
  return {
    files,
    tokenizer,
    config,
    ...readVocab(tokenizer, config, special),
    special,
    chatTemplate: files.chatTemplate ?? readTemplate(config["chat_template"]),
    // transformers leaves the spaces of BPE text alone, whatever the config says.
    cleanUpSpaces: config["clean_up_tokenization_spaces"] === true &&
      !(isObject(model) && model["type"] === "BPE"),
  };
};

/** A token of the config: its text, or an object that holds it. */
const contentOf = (value: unknown): string | undefined => {
  const content = isObject(value) ? value["content"] : value;
  return typeof content === "string" ? content : undefined;
};

const readVocab = (
  tokenizer: JsonObject,
  config: JsonObject,
  special: Readonly<Record<string, string>>,
): Pick<RawTokenizer, "vocab" | "nextId" | "added"> => {
  const own = isObject(tokenizer["model"]) ? tokenizer["model"]["vocab"] : undefined;
  if (!isObject(own)) throw badTokenizer("tokenizer.json should hold a model with a vocab object");
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(own)) {
    if (typeof id !== "number") throw badTokenizer(`the id of ${token} should be a number`);
    vocab.set(token, id);
  }
  // The reference numbers added tokens itself: an id of the file that is not the one it gives would
  // mean another token there than here.
  let nextId = vocab.size;
  const added = new Map<string, AddedToken>();
  const add = (token: AddedToken, source: string): void => {
    const id = vocab.get(token.content) ?? nextId;
    if (id !== token.id) {
      throw badTokenizer(
        `${source} gives ${token.content} the id ${token.id}, but it is token ${id}`,
      );
    }
    vocab.set(token.content, id);
    added.set(token.content, token);
    nextId = Math.max(nextId, id + 1);
  };
  const listed = tokenizer["added_tokens"] ?? [];
  if (!Array.isArray(listed) || !listed.every(isObject)) {
    throw badTokenizer("added_tokens of tokenizer.json should be a list of objects");
  }
  for (const token of listed) add(readAdded(token, token["id"]), "added_tokens of tokenizer.json");
  const decoder = config["added_tokens_decoder"];
  for (const [id, token] of Object.entries(isObject(decoder) ? decoder : {})) {
    if (!isObject(token) || added.has(String(token["content"]))) continue;
    add(readAdded(token, Number(id)), "added_tokens_decoder of tokenizer_config.json");
  }
  const known = new Set(Object.values(special).filter((content) => vocab.has(content)));
  for (const content of [...known, ...extraTokens(config)]) {
    const id = vocab.get(content);
    if (id === undefined) {
      throw badTokenizer(`tokenizer_config.json names ${content}, which the vocabulary lacks`);
    }
    // The config's tokens are special, whatever tokenizer.json says of them.
    added.set(content, { ...plainToken(id, content), ...added.get(content), special: true });
    nextId = Math.max(nextId, id + 1);
  }
  for (const id of vocab.values()) {
    if (id < nextId) continue;
    throw badTokenizer(`its ids leave a gap before ${id}, so the id of a new token is not certain`);
  }
  return { vocab, nextId, added: [...added.values()] };
};

const extraTokens = (config: JsonObject): ReadonlyArray<string> =>
  ["additional_special_tokens", "extra_special_tokens"].flatMap((name) => {
    const tokens = config[name];
    const values = isObject(tokens) ? Object.values(tokens) : Array.isArray(tokens) ? tokens : [];
    return values.flatMap((value) => contentOf(value) ?? []);
  });

const readAdded = (token: JsonObject, id: unknown): AddedToken => {
  const { content, special = false, normalized = !special } = token;
  if (typeof content !== "string" || typeof id !== "number") {
    throw badTokenizer("an added token should have a content and an id");
  }
  return {
    id,
    content,
    single_word: token["single_word"] === true,
    lstrip: token["lstrip"] === true,
    rstrip: token["rstrip"] === true,
    normalized: normalized === true,
    special: special === true,
  };
};

/** One template, or the one called `default` of a list. */
const readTemplate = (value: unknown): string | undefined => {
  if (typeof value === "string" || value === undefined || value === null) return value ?? undefined;
  const listed: unknown = Array.isArray(value)
    ? value.find((item) => isObject(item) && item["name"] === "default")
    : undefined;
  if (isObject(listed) && typeof listed["template"] === "string") return listed["template"];
  throw badTokenizer('chat_template should be a text, or a list with a template called "default"');
};
