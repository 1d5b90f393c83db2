/**
 * The operations of a transformer: each binds its kernels, has a forward and, where it is trained, a
 * backward, and brings the same formula in f64 to compare with.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect } from "effect";
 * import { Gpu, layer } from "@delia/delia/gpu";
 * import { swiglu, swigluReference } from "@delia/delia/ops";
 *
 * // One row: two gates, then the two values that they scale.
 * const gateUp = Float32Array.of(0.5, -1, 3, 4);
 * const program = Effect.scoped(Effect.gen(function* () {
 *   const gpu = yield* Gpu;
 *   const x = yield* gpu.upload(gateUp, [1, 4]);
 *   return yield* gpu.download(yield* gpu.submit((pass) => swiglu(pass, x)));
 * }));
 * const y = await Effect.runPromise(Effect.provide(program, layer));
 * swigluReference(gateUp, 2).forEach((value, i) => assert.ok(Math.abs(y[i]! - value) < 1e-6));
 * ```
 *
 * @module
 */
export * from "./adamw.ts";
export * from "./add_bias.ts";
export * from "./attention.ts";
export * from "./bidirectional_attention.ts";
export * from "./cache_append.ts";
export * from "./cached_attention.ts";
export * from "./column_scale.ts";
export * from "./copy.ts";
export * from "./cross_entropy.ts";
export * from "./dropout.ts";
export * from "./embedding.ts";
export * from "./embedding_gradient.ts";
export * from "./embedding_noise.ts";
export * from "./fill.ts";
export * from "./geglu.ts";
export * from "./gelu.ts";
export * from "./global_norm.ts";
export * from "./head_dims.ts";
export * from "./head_norm.ts";
export * from "./kl_divergence.ts";
export * from "./layer_norm.ts";
export * from "./logit_arithmetic.ts";
export type { ChosenRows } from "./logit_chunks.ts";
export * from "./matmul.ts";
export * from "./matmul_group.ts";
export * from "./place_columns.ts";
export * from "./reduce_sum.ts";
export * from "./residual_add.ts";
export * from "./rms_norm.ts";
export * from "./rotary.ts";
export * from "./row_norms.ts";
export * from "./sample_token.ts";
export * from "./scale_by_token.ts";
export * from "./soft_cap.ts";
export * from "./swiglu.ts";
export * from "./unpack.ts";
export * from "./vocabulary_table.ts";
