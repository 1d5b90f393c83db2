/** What `tokenizer.json` and `tokenizer_config.json` say, read once and checked. @module */
import { DataError } from "./data_error.ts";

/** The parsed files of a tokenizer, as Hugging Face writes them. */
export interface TokenizerFiles {
  /** Content of `tokenizer.json`. */
  readonly tokenizer: unknown;
  /** Content of `tokenizer_config.json`. */
  readonly config: unknown;
  /** Content of `chat_template.jinja`; it wins over `chat_template` of the config. */
  readonly chatTemplate?: string;
}

/** A token that stands outside the model's own vocabulary rules. */
export interface NewToken {
  readonly id: number;
  readonly content: string;
}

/** The files with the few facts that are read from them. */
export interface RawTokenizer {
  readonly files: TokenizerFiles;
  /** The config with special tokens as plain strings. */
  readonly config: JsonObject;
  /** `bos_token`, `eos_token`, … where the config names them. */
  readonly special: Readonly<Record<string, string>>;
  readonly specialIds: ReadonlyArray<number>;
  readonly chatTemplate: string | undefined;
  /** Whether decoding removes the space before punctuation. */
  readonly cleanUpSpaces: boolean;
  /** The same tokenizer with more special tokens. */
  readonly withTokens: (tokens: ReadonlyArray<NewToken>) => RawTokenizer;
}

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const bad = (report: string): DataError =>
  new DataError({ reason: { _tag: "BadTokenizer", report } });

/** Reads the files; throws a `DataError` (`BadTokenizer`) where they are not what they should be. */
export const readTokenizerFiles = (files: TokenizerFiles): RawTokenizer => {
  const { tokenizer, config } = files;
  if (!isObject(tokenizer)) throw bad("tokenizer.json should be an object");
  if (!isObject(config)) throw bad("tokenizer_config.json should be an object");
  const added = tokenizer["added_tokens"] ?? [];
  if (!Array.isArray(added) || !added.every(isObject)) {
    throw bad("added_tokens of tokenizer.json should be a list of objects");
  }
  const special: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    if (!name.endsWith("_token")) continue;
    const content = isObject(value) ? value["content"] : value;
    if (typeof content === "string") special[name] = content;
  }
  return {
    files,
    config: { ...config, ...special },
    special,
    specialIds: added.flatMap((token) =>
      token["special"] === true && typeof token["id"] === "number" ? [token["id"]] : []
    ),
    chatTemplate: files.chatTemplate ?? readTemplate(config["chat_template"]),
    cleanUpSpaces: config["clean_up_tokenization_spaces"] === true,
    withTokens: (tokens) =>
      readTokenizerFiles({
        ...files,
        tokenizer: {
          ...tokenizer,
          added_tokens: [...added, ...tokens.map((token) => ({ ...token, ...plainToken }))],
        },
        config: withNewTokens(config, tokens),
      }),
  };
};

// A special token found exactly as written, wherever it stands; white space around it is kept.
const plainToken = {
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
} as const;

/** One template, or the one called `default` of a list. */
const readTemplate = (value: unknown): string | undefined => {
  if (typeof value === "string" || value === undefined || value === null) return value ?? undefined;
  const listed: unknown = Array.isArray(value)
    ? value.find((item) => isObject(item) && item["name"] === "default")
    : undefined;
  if (isObject(listed) && typeof listed["template"] === "string") return listed["template"];
  throw bad('chat_template should be a text, or a list with a template called "default"');
};

const withNewTokens = (config: JsonObject, tokens: ReadonlyArray<NewToken>): JsonObject => {
  const known = config["additional_special_tokens"];
  const decoder = config["added_tokens_decoder"];
  return {
    ...config,
    additional_special_tokens: [
      ...(Array.isArray(known) ? known : []),
      ...tokens.map(({ content }) => content),
    ],
    ...(isObject(decoder)
      ? {
        added_tokens_decoder: {
          ...decoder,
          ...Object.fromEntries(
            tokens.map(({ id, content }) => [String(id), { content, ...plainToken }]),
          ),
        },
      }
      : {}),
  };
};
