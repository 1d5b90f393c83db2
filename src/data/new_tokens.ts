/** Tokenizer files with new tokens in them, as transformers would write them. @module */
import { type AddedToken, plainToken } from "./added_tokens.ts";
import type { JsonObject } from "./tokenizer_fields.ts";
import type { RawTokenizer, TokenizerFiles } from "./tokenizer_json.ts";

// The class that takes tokenizer.json as it is. Classes of single families (LlamaTokenizer, …)
// build their own normalizer and pre-tokenizer, and would give other ids than those trained on.
const AS_WRITTEN = "PreTrainedTokenizerFast";

/** The files, such that transformers takes `tokenizer.json` as it is. */
export const loadedAsWritten = (files: TokenizerFiles): TokenizerFiles => ({
  ...files,
  config: { ...files.config as JsonObject, tokenizer_class: AS_WRITTEN },
});

/** The files of `raw` with special tokens `contents` at ids from `nextId` on. */
export const withNewTokens = (
  raw: RawTokenizer,
  contents: ReadonlyArray<string>,
): TokenizerFiles => {
  const { files, tokenizer, config, added, nextId } = raw;
  if (contents.length === 0) return files;
  const tokens = [...added, ...contents.map((content, i) => plainToken(nextId + i, content))];
  tokens.sort((a, b) => a.id - b.id);
  const decoder = tokens.map(({ id, ...rest }) => [String(id), rest] as const);
  const isNew = ({ id }: AddedToken) => id >= nextId;
  return {
    ...files,
    tokenizer: { ...tokenizer, added_tokens: tokens },
    config: {
      ...config,
      ...withExtra(config, tokens.filter(isNew).map(({ content }) => content)),
      // Classes that build their own pipeline read the flags of added tokens from here.
      added_tokens_decoder: Object.fromEntries(decoder),
    },
  };
};

/** The list of special tokens without a role, longer: under the name that the config has for it. */
const withExtra = (config: JsonObject, contents: ReadonlyArray<string>): JsonObject => {
  const name = Array.isArray(config["extra_special_tokens"])
    ? "extra_special_tokens"
    : "additional_special_tokens";
  const listed = config[name];
  return { [name]: [...(Array.isArray(listed) ? listed : []), ...contents] };
};
