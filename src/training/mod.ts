/**
 * Training: examples in, one report a step out, and where checkpoints and numbers go.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect, Stream } from "effect";
 * import { layer } from "@delia/delia/gpu";
 * import { llama, loadDecoder, randomWeights } from "@delia/delia/models";
 * import { train, type TrainOptions } from "@delia/delia/training";
 *
 * const options: TrainOptions = {
 *   optimizer: {
 *     learningRate: 0.01,
 *     betas: [0.9, 0.999],
 *     eps: 1e-8,
 *     weightDecay: 0,
 *     clipNorm: 1,
 *     warmupSteps: 0,
 *     schedule: "constant_with_warmup",
 *   },
 *   seed: 42,
 *   gradientCheckpointing: false,
 *   batchSize: 1,
 *   accumulationSteps: 1,
 *   steps: 6,
 *   reportEvery: 3,
 * };
 * const example = { ids: [1, 5, 7, 2], supervised: [false, false, true, true] };
 *
 * const program = Effect.scoped(Effect.gen(function* () {
 *   const shape = yield* llama.decode({
 *     vocab_size: 11,
 *     hidden_size: 8,
 *     intermediate_size: 12,
 *     num_hidden_layers: 1,
 *     num_attention_heads: 2,
 *   });
 *   const weights = randomWeights(llama, shape, 42);
 *   const decoder = yield* loadDecoder(llama, shape, weights, { trainable: true });
 *   const trainee = { decoder, parameters: decoder.parameters };
 *   return yield* Stream.runCollect(train(trainee, options, Stream.succeed(example).pipe(Stream.forever)));
 * }));
 * const reports = await Effect.runPromise(Effect.provide(program, layer));
 * assert.ok(reports.length === 6 && reports[5]!.loss < reports[0]!.loss);
 * ```
 *
 * @module
 */
export { type LearningRateSchedule, OptimizerConfig } from "../config/optimizer_config.ts";
export { PretrainConfig } from "../config/pretrain_config.ts";
export * from "./anchor.ts";
export * as Checkpoints from "./checkpoints.ts";
export * from "./learning_rate.ts";
export * as MetricLog from "./metric_log.ts";
export * from "./pretrain.ts";
export * from "./step.ts";
export * from "./train.ts";
export { TrainingError, type TrainingReason } from "./training_error.ts";
