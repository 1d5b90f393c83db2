/**
 * Tokens and chats: chat JSONL, tokenizers, chat templates that know whose token is whose, and
 * ragged batches.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect } from "effect";
 * import { type Chat, encodeChat, inspectExample, pack, Tokenizer } from "@delia/delia/data";
 *
 * // One optimizer step's batch of some chats, and what its first example looks like.
 * const batchOf = (chats: ReadonlyArray<Chat>) =>
 *   Effect.gen(function* () {
 *     const tokenizer = yield* Tokenizer;
 *     const examples = yield* Effect.forEach(
 *       chats,
 *       (chat) => encodeChat(tokenizer, chat, { maxTokens: 512 }),
 *     );
 *     const [first] = examples;
 *     return { batch: pack(examples, 64), shown: first && inspectExample(tokenizer, first) };
 *   });
 * assert(typeof batchOf === "function");
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
