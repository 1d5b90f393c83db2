import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { withTuning } from "../../src/gpu/tuning.ts";
import { pack } from "../../src/data/batch.ts";
import { llama } from "../../src/models/llama.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { trainStep } from "../../src/training/step.ts";
import { modelProducts, type Work } from "../../src/tuning/model_products.ts";
import { classOf } from "../../src/tuning/product_class.ts";
import { onGpu } from "../support/on_gpu.ts";

const shape = Effect.runSync(llama.decode({
  vocab_size: 96,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
}));

const work: Work = {
  storage: "f32",
  lora: { rank: 4, alpha: 4, dropout: 0, rsLora: false, targetModules: ["q_proj", "up_proj"] },
  sequences: 4,
  length: 24,
  gradientCheckpointing: false,
  slots: 6,
};

onGpu(
  "modelProducts() finds the products of training and of answers",
  Effect.gen(function* () {
    const { adapter } = yield* Gpu;
    const products = yield* modelProducts({ architecture: llama, shape }, adapter, work);
    const has = (layout: string, rows: number, depth: number, cols: number): boolean =>
      products.some((one) =>
        one.layout === layout && one.rows === rows && one.depth === depth && one.cols === cols
      );
    assert(has("NT", 160 + 6, 32, 64), "q, k and v of prompts in tiles of 32 rows, and of answers");
    assert(has("TN", 4, 96, 32), "the gradient of A of a micro-batch");
    assert(has("NN", 48, 32, 48), "that of the rows that the loss reads");
    for (const rows of [1, 6]) assert(has("NT", rows, 32, 97), "logits of answers");
    const classes = products.map(classOf);
    assert.equal(new Set(classes).size, classes.length);
  }),
);

onGpu(
  "modelProducts() finds every class that a real step asks for",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const asked = new Set<string>();
    const watched = withTuning(gpu, {
      configurationOf: (product) => {
        asked.add(classOf(product));
        return undefined;
      },
    });
    yield* Effect.gen(function* () {
      const weights = randomWeights(llama, shape, 1);
      const decoder = yield* loadDecoder(llama, shape, weights, { newIds: [96] });
      const adapter = yield* makeAdapter(decoder, work.lora, 1, {
        rows: {
          ...{ ids: [96], input: new Float32Array(32), trained: true },
          ...shape.tiedHead ? {} : { output: new Float32Array(32) },
        },
      });
      const ids = Array.from({ length: 24 }, (_, i) => i);
      const example = { ids, supervised: ids.map((i) => i >= 12) };
      const optimizer = {
        ...{ learningRate: 1e-3, eps: 1e-8, weightDecay: 0, clipNorm: 1, warmupSteps: 0 },
        betas: [0.9, 0.999],
        schedule: "constant_with_warmup",
      } as const;
      yield* trainStep(
        { decoder: adapter.decoder, parameters: adapter.parameters, adapter },
        { optimizer, seed: 1, accumulationSteps: 1, gradientCheckpointing: false },
        [pack([example, example, example, example], 32)],
        1e-3,
        0,
        { ring: yield* gpu.allocate([2]), slot: 0 },
      );
    }).pipe(Effect.provideService(Gpu, watched));
    const found = yield* modelProducts({ architecture: llama, shape }, gpu.adapter, work);
    const classes = new Set(found.map(classOf));
    assert(asked.size > 5);
    assert.deepEqual([...asked].filter((one) => !classes.has(one)), []);
  }),
);

onGpu(
  "modelProducts() asks for weights as they would be stored",
  Effect.gen(function* () {
    const { adapter } = yield* Gpu;
    const packed = { ...work, storage: "q8" } as const;
    const products = yield* modelProducts({ architecture: llama, shape }, adapter, packed);
    const formats = new Set(products.map(({ format }) => format));
    assert.deepEqual([...formats].toSorted(), ["f32", "q8"]);
  }),
);
