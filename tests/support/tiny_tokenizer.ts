/** A word-level tokenizer of a dozen words, with a chat template, for tests of data and training. @module */
import { Effect } from "effect";
import { makeTokenizer, type Tokenizer } from "../../src/data/tokenizer.ts";
import type { TokenizerFiles } from "../../src/data/tokenizer_json.ts";

const specials = ["<unk>", "<pad>", "<s>", "</s>", "<user>", "<assistant>", "<system>"];
const words = ["hello", "world", "what", "is", "the", "format", "red", "use", ".", "json", "reds"];

/** `<s> <user> … <assistant> … </s> <user> …` */
export const tinyTemplate: string =
  "{{ bos_token }}{% for message in messages %} <{{ message.role }}> {{ message.content }}" +
  "{% if message.role == 'assistant' %} {{ eos_token }}{% endif %}{% endfor %}" +
  "{% if add_generation_prompt %} <assistant>{% endif %}";

/** The files of the tiny tokenizer; `template` replaces its chat template. */
export const tinyFiles = (template: string = tinyTemplate): TokenizerFiles => ({
  tokenizer: {
    version: "1.0",
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: null,
    pre_tokenizer: { type: "WhitespaceSplit" },
    post_processor: null,
    decoder: null,
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries([...specials, ...words].map((word, id) => [word, id])),
      unk_token: "<unk>",
    },
  },
  config: {
    bos_token: "<s>",
    eos_token: "</s>",
    pad_token: "<pad>",
    unk_token: { content: "<unk>" },
    chat_template: template,
  },
});

/** The tiny tokenizer itself. */
export const tinyTokenizer = (template?: string): Tokenizer =>
  Effect.runSync(makeTokenizer(tinyFiles(template)));
