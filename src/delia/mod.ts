/**
 * The method (DELIA, arXiv 2408.10841): diverse data sampled from the model itself, instructions in
 * many phrasings, both mixed, and a new token that learns what they have in common.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect, Stream } from "effect";
 * import { deliaMixing, englishGrammar, layerGrammar, Paraphraser } from "@delia/delia/delia";
 *
 * const phrasings = await Effect.runPromise(
 *   Effect.gen(function* () {
 *     const { paraphrase } = yield* Paraphraser;
 *     return yield* Stream.runCollect(paraphrase("Judge whether the answer is right.", 4));
 *   }).pipe(Effect.provide(layerGrammar({ grammar: englishGrammar, seed: 42 }))),
 * );
 * assert.ok(phrasings.every(({ text }) => text.includes("<sep>")));
 *
 * // In which order an epoch shows the four, and three diverse examples for each.
 * const plan = deliaMixing({ diverseRatio: 3 }).plan({ downstream: 4, diverse: 20 }, 42);
 * assert.equal(plan.length, 4 + 12);
 * ```
 *
 * @module
 */
export { type InitRecipe, NewTokenConfig } from "../config/new_token_config.ts";
export { type PromptMode, SamplingConfig } from "../config/sampling_config.ts";
export * from "../generation/sampler.ts";
export * from "./diversify.ts";
export * from "./diversify/file.ts";
export * from "./diversify/grammar.ts";
export * from "./guided_prompt.ts";
export * from "./mixing.ts";
export * from "./mixing/delia.ts";
export * from "./mixing/downstream_only.ts";
export * from "./mixing/interleave.ts";
export * from "./new_tokens.ts";
export * from "./pcg64.ts";
export * from "./self_sample.ts";
