/** A tiny model, examples for it, and a run of `train` on both: what the training tests share. @module */
import { Effect, type Scope, Stream } from "effect";
import type { Example } from "../../src/data/example.ts";
import type { Gpu, GpuError } from "../../src/gpu/gpu.ts";
import { randomBits } from "../../src/gpu/random.ts";
import type { ModelShape } from "../../src/models/architecture.ts";
import type { Decoder } from "../../src/models/decoder.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { llama } from "../../src/models/llama.ts";
import type { ModelError } from "../../src/models/model_error.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { type Adapter, type LoraOptions, makeAdapter } from "../../src/nn/adapter.ts";
import type { Trainee } from "../../src/training/step.ts";
import { type StepReport, train, type TrainOptions } from "../../src/training/train.ts";
import type { TrainingError } from "../../src/training/training_error.ts";
import type { WeightsError } from "../../src/weights/weights_error.ts";
import { uniform } from "../support/numbers.ts";

/**
 * Two layers, grouped queries, no size that a tile divides. Fresh weights are large, so that the
 * frozen head lets an adapter reach a small loss: |logit| is at most √hidden · |row of the head|.
 */
export const tinyShape: ModelShape = Effect.runSync(llama.decode({
  vocab_size: 41,
  hidden_size: 36,
  intermediate_size: 50,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
  initializer_range: 0.3,
}));

/** `count` examples of 5 to 12 tokens; the second half of each is supervised. */
export const tinyExamples = (count: number): ReadonlyArray<Example> =>
  Array.from({ length: count }, (_, example) => {
    const length = 5 + randomBits(1, example, 0) % 8;
    return {
      ids: Array.from({ length }, (_, i) => randomBits(2, example, i) % tinyShape.vocab),
      supervised: Array.from({ length }, (_, i) => i >= length / 2),
    };
  });

/** Every weight of a fresh tiny model. */
export const wholeModel: Effect.Effect<Trainee, GpuError | WeightsError, Gpu | Scope.Scope> = Effect
  .gen(function* () {
    const weights = randomWeights(llama, tinyShape, 1);
    const decoder = yield* loadDecoder(llama, tinyShape, weights, { trainable: true });
    return { decoder, parameters: decoder.parameters };
  });

/** A fresh adapter on every linear of a frozen tiny model, with `more` of its options. */
export const adapterOnly = (
  dropout: number,
  more: Partial<LoraOptions> = {},
): Effect.Effect<Trainee, GpuError | WeightsError | ModelError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const base = yield* loadDecoder(llama, tinyShape, randomWeights(llama, tinyShape, 1));
    const linears = base.architecture.linears(tinyShape, 0);
    const targetModules = linears.flatMap(({ parts }) => parts.map(({ module }) => module));
    const options = { rank: 4, alpha: 8, dropout, rsLora: false, targetModules, ...more };
    const adapter = yield* makeAdapter(base, options, 1);
    return { decoder: adapter.decoder, parameters: adapter.parameters, adapter };
  });

/** The id of the new token of {@linkcode adapterWithRow}. */
export const newId: number = tinyShape.vocab;

/** The tiny model with room for {@linkcode newId}. */
export const tinyBase = (
  { tied, softCap }: { readonly tied: boolean; readonly softCap?: number },
): Effect.Effect<Decoder, GpuError | WeightsError, Gpu | Scope.Scope> => {
  const capped = softCap === undefined ? {} : { logitSoftCap: softCap };
  const shape = { ...tinyShape, ...capped, tiedHead: tied };
  return loadDecoder(llama, shape, randomWeights(llama, shape, 1), { newIds: [newId] });
};

/** A row for the new token, drawn by `seed`. */
export const tinyRow = (seed: number): Float32Array<ArrayBuffer> =>
  uniform(tinyShape.hidden, seed).map((value) => 0.5 * value);

/** An adapter on attention and a row for {@linkcode newId}, on a tiny model whose head is tied or not. */
export const adapterWithRow = (
  { tied = true, softCap }: { readonly tied?: boolean; readonly softCap?: number } = {},
): Effect.Effect<
  Trainee & { readonly adapter: Adapter },
  GpuError | WeightsError | ModelError,
  Gpu | Scope.Scope
> =>
  Effect.gen(function* () {
    const base = yield* tinyBase({ tied, ...softCap === undefined ? {} : { softCap } });
    const targetModules = ["q_proj", "k_proj", "v_proj", "o_proj"];
    const options = { rank: 4, alpha: 8, dropout: 0, rsLora: false, targetModules };
    const output = tied ? {} : { output: tinyRow(6) };
    const rows = { ids: [newId], input: tinyRow(5), ...output, trained: true };
    const adapter = yield* makeAdapter(base, options, 1, { rows });
    return { decoder: adapter.decoder, parameters: adapter.parameters, adapter };
  });

/** `example` with the new token as its second. */
export const withNewToken = (example: Example): Example => ({
  ...example,
  ids: example.ids.map((id, i) => i === 1 ? newId : id),
});

/** Options of a short run. */
export const tinyOptions: TrainOptions = {
  optimizer: {
    learningRate: 1e-2,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0.01,
    clipNorm: 1,
    warmupSteps: 2,
    schedule: "cosine",
  },
  seed: 3,
  gradientCheckpointing: false,
  batchSize: 4,
  accumulationSteps: 1,
  steps: 8,
  reportEvery: 3,
};

/** `examples`, `times` over. */
export const repeated = (
  examples: ReadonlyArray<Example>,
  times: number,
): ReadonlyArray<Example> => Array.from({ length: times }, () => examples).flat();

/** The reports of training on `examples` until they end. */
export const runTiny = (
  trainee: Trainee,
  options: Partial<TrainOptions>,
  examples: ReadonlyArray<Example>,
): Effect.Effect<ReadonlyArray<StepReport>, GpuError | TrainingError, Gpu> =>
  Stream.runCollect(
    train(trainee, { ...tinyOptions, ...options }, Stream.fromIterable(examples)),
  );

/** The losses of such a run. */
export const lossesOf = (
  ...run: Parameters<typeof runTiny>
): Effect.Effect<ReadonlyArray<number>, GpuError | TrainingError, Gpu> =>
  Effect.map(runTiny(...run), (reports) => reports.map(({ loss }) => loss));
