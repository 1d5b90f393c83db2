/**
 * Decoder-only language models: reading them from a Hugging Face directory, fresh weights, LoRA
 * adapters on them, and writing both.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect } from "effect";
 * import { layer } from "@delia/delia/gpu";
 * import { exportWeights, llama, loadDecoder, randomWeights } from "@delia/delia/models";
 *
 * const program = Effect.scoped(Effect.gen(function* () {
 *   const shape = yield* llama.decode({
 *     vocab_size: 11,
 *     hidden_size: 8,
 *     intermediate_size: 12,
 *     num_hidden_layers: 1,
 *     num_attention_heads: 2,
 *   });
 *   const decoder = yield* loadDecoder(llama, shape, randomWeights(llama, shape, 42));
 *   return yield* exportWeights(decoder);
 * }));
 * const tensors = await Effect.runPromise(Effect.provide(program, layer));
 * assert.deepEqual(tensors["model.layers.0.mlp.down_proj.weight"]?.shape, [8, 12]);
 * ```
 *
 * @module
 */
export * from "../nn/adapter.ts";
export * from "../nn/adapter_plan.ts";
export { exportAdapter, importAdapter } from "../nn/adapter_files.ts";
export { mergeAdapter } from "../nn/merge.ts";
export type { Attend, LayerAttention, RaggedAttention, RowPlaces } from "../nn/attend.ts";
export type { AttentionBlock, HeadNorms, SavedAttention } from "../nn/attention_block.ts";
export type { DecoderLayer, SavedLayer } from "../nn/decoder_layer.ts";
export type { FeedForward, SavedFeedForward } from "../nn/feed_forward.ts";
export type { Linear, Lora, LoraTarget, SavedLinear, TrainingMode } from "../nn/lora_linear.ts";
export type { Norm, SavedNorm } from "../nn/norm.ts";
export type { Arena, Parameter, Parameters, Weight } from "../nn/parameters.ts";
export { describeBase } from "../weights/adapter_base.ts";
export type { JsonObject } from "../weights/files.ts";
export * from "../weights/model_directory.ts";
export { readAdapter } from "../weights/read_adapter.ts";
export type {
  Adapter as StoredAdapter,
  LoraMatrices,
  TrainedRows,
} from "../weights/stored_adapter.ts";
export { writeAdapter } from "../weights/write_adapter.ts";
export type { AdapterBase, TrainedToken } from "../weights/peft_config.ts";
export type { Targets } from "../weights/peft_targets.ts";
export { type HostTensor, layerMemory, memoryWeights, Weights } from "../weights/weights.ts";
export * from "../weights/weights_error.ts";
export { refuseExtra } from "../weights/extra_tensors.ts";
export { type PlannedShard, type PlannedTensor, writeShards } from "../weights/shard_writer.ts";
export * from "./architecture.ts";
export * from "./choose_storage.ts";
export * from "./decoder.ts";
export * from "./export_weights.ts";
export * from "./gemma.ts";
export * from "./gemma2.ts";
export * from "./gemma3_text.ts";
export * from "./llama.ts";
export * from "./load_decoder.ts";
export * from "./load_model.ts";
export * from "./memory_plan.ts";
export * from "./merge_model.ts";
export * from "./mistral.ts";
export * from "./model_error.ts";
export * from "./open_model.ts";
export * from "./phi3.ts";
export * from "./qwen2.ts";
export * from "./qwen3.ts";
export * from "./random_weights.ts";
export * from "./registry.ts";
export * from "./smollm3.ts";
