/** A model of the fixture's size with random weights and how it is trained, for benches of whole steps. @module */
import { Effect, Schema, type Scope } from "effect";
import { OptimizerConfig } from "../../src/config/optimizer_config.ts";
import type { Gpu, GpuError } from "../../src/gpu/gpu.ts";
import type { ModelShape } from "../../src/models/architecture.ts";
import { llama } from "../../src/models/llama.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import type { ModelError } from "../../src/models/model_error.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import type { StepOptions, Trainee } from "../../src/training/step.ts";
import type { WeightsError } from "../../src/weights/weights_error.ts";

/** The shape, for sequences of up to `positions` tokens. */
export const fixtureShape = (positions: number): ModelShape =>
  Effect.runSync(llama.decode({
    vocab_size: 320,
    hidden_size: 128,
    intermediate_size: 512,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: positions,
  }));

/** Settings of its steps. */
export const stepOptions: StepOptions = {
  optimizer: Schema.decodeSync(OptimizerConfig)({ learningRate: 1e-3, warmupSteps: 0 }),
  seed: 1,
  accumulationSteps: 1,
  gradientCheckpointing: false,
};

/** Rank of {@linkcode adapterOnly}. */
export const rank = 16;

/** An adapter on every linear of a frozen base of `shape`. */
export const adapterOnly = (
  shape: ModelShape,
): Effect.Effect<Trainee, GpuError | WeightsError | ModelError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const base = yield* loadDecoder(llama, shape, randomWeights(llama, shape, 1));
    const targetModules = llama.linears(shape, 0)
      .flatMap(({ parts }) => parts.map(({ module }) => module));
    const lora = { rank, alpha: rank, dropout: 0, rsLora: false, targetModules };
    const adapter = yield* makeAdapter(base, lora, 1);
    return { decoder: adapter.decoder, parameters: adapter.parameters, adapter };
  });
