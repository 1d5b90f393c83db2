/**
 * Measuring a model: losses, logits, hidden states, and how near a new token lies to a word.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect } from "effect";
 * import { readSequence } from "@delia/delia/evaluation";
 * import { layer } from "@delia/delia/gpu";
 * import { llama, loadDecoder, randomWeights } from "@delia/delia/models";
 *
 * const program = Effect.scoped(Effect.gen(function* () {
 *   const shape = yield* llama.decode({
 *     vocab_size: 11,
 *     hidden_size: 8,
 *     intermediate_size: 12,
 *     num_hidden_layers: 2,
 *     num_attention_heads: 2,
 *   });
 *   const decoder = yield* loadDecoder(llama, shape, randomWeights(llama, shape, 42));
 *   return yield* readSequence({ decoder }, [1, 5, 7]);
 * }));
 * const { logits, hidden } = await Effect.runPromise(Effect.provide(program, layer));
 * assert.equal(logits.length, 3 * 11); // three tokens' logits over the vocabulary
 * assert.equal(hidden.length, 2); // the residual stream after each of two blocks
 * ```
 *
 * @module
 */
export * from "./compared_words.ts";
export * from "./distance_metrics.ts";
export * from "./distances.ts";
export * from "./embedding_drift.ts";
export * from "./example_losses.ts";
export * from "./hidden_states.ts";
export * from "./logits_at.ts";
export * from "./read_sequence.ts";
export * from "./read_states.ts";
export * from "./slot_distance.ts";
export * from "./token_pickers.ts";
export * from "./tracked_losses.ts";
export * from "./vector_distance.ts";
export type { WordMeasures } from "./word_measures.ts";
