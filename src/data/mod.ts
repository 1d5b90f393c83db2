/**
 * Tokens and chats: chat JSONL, tokenizers, chat templates that know whose token is whose, and
 * ragged batches.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect } from "effect";
 * import { encodeChat, inspectExample, makeTokenizer, pack } from "@delia/delia/data";
 *
 * const special = ["<unk>", "<bos>", "<eos>", "<user>", "<assistant>"];
 * const words = [...special, "what", "is", "red", "a", "colour"];
 * const files = {
 *   tokenizer: {
 *     added_tokens: special.map((content, id) => ({ id, content, special: true })),
 *     normalizer: null,
 *     pre_tokenizer: { type: "WhitespaceSplit" },
 *     post_processor: null,
 *     decoder: null,
 *     model: {
 *       type: "WordLevel",
 *       vocab: Object.fromEntries(words.map((word, id) => [word, id])),
 *       unk_token: "<unk>",
 *     },
 *   },
 *   config: {
 *     bos_token: "<bos>",
 *     eos_token: "<eos>",
 *     unk_token: "<unk>",
 *     chat_template: "{{ bos_token }}{% for message in messages %} <{{ message.role }}> " +
 *       "{{ message.content }}{% if message.role == 'assistant' %} {{ eos_token }}{% endif %}" +
 *       "{% endfor %}{% if add_generation_prompt %} <assistant>{% endif %}",
 *   },
 * };
 * const chat = {
 *   messages: [
 *     { role: "user", content: "what is red" },
 *     { role: "assistant", content: "a colour" },
 *   ],
 * } as const;
 * const tokenizer = Effect.runSync(makeTokenizer(files));
 * const example = Effect.runSync(encodeChat(tokenizer, chat, { maxTokens: 512 }));
 * const batch = pack([example], 32);
 * assert.equal(batch.supervisedTokens, 3);
 * assert.match(inspectExample(tokenizer, example), /red <assistant> \[a\] \[colour\] \[<eos>\]/);
 * ```
 *
 * @module
 */
export * from "./batch.ts";
export * from "./chat.ts";
export * from "./chat_template.ts";
export * from "./data_error.ts";
export * from "./datasets.ts";
export * from "./datasets_file.ts";
export * from "./example.ts";
export * from "./inspect.ts";
export * from "./jsonl.ts";
export * from "./tokenizer.ts";
export * from "./tokenizer_files.ts";
export type { TokenizerFiles } from "./tokenizer_json.ts";
