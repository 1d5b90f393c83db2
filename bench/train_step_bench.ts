/** One whole optimizer step on a model of the fixture's size: LoRA on a frozen base, and pre-training. @module */
import { Effect, Scope } from "effect";
import { pack } from "../src/data/batch.ts";
import { Gpu } from "../src/gpu/gpu.ts";
import { randomBits } from "../src/gpu/random.ts";
import { loadDecoder } from "../src/models/load_decoder.ts";
import { llama } from "../src/models/llama.ts";
import { randomWeights } from "../src/models/random_weights.ts";
import { makeAdapter } from "../src/nn/adapter.ts";
import { type StepOptions, type Trainee, trainStep } from "../src/training/step.ts";
import { benchGpu } from "./support/bench_ops.ts";
import { nameWithWork } from "./support/work.ts";

const shape = Effect.runSync(llama.decode({
  vocab_size: 320,
  hidden_size: 128,
  intermediate_size: 512,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
}));

// 64 short chats: 16 to 31 tokens each, the second half supervised.
const batch = pack(
  Array.from({ length: 64 }, (_, example) => {
    const length = 16 + randomBits(1, example, 0) % 16;
    return {
      ids: Array.from({ length }, (_, i) => randomBits(2, example, i) % shape.vocab),
      supervised: Array.from({ length }, (_, i) => i >= length / 2),
    };
  }),
  32,
);

const options: StepOptions = {
  optimizer: {
    learningRate: 1e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0.01,
    clipNorm: 1,
    warmupSteps: 0,
    schedule: "constant_with_warmup",
  },
  seed: 1,
  gradientCheckpointing: false,
};

const linears = Array.from({ length: shape.layers }, (_, layer) => llama.linears(shape, layer))
  .flat();
const rank = 16;
const weights = randomWeights(llama, shape, 1);

const wholeModel = Effect.map(
  loadDecoder(llama, shape, weights, { trainable: true }),
  (decoder): Trainee => ({ decoder, parameters: decoder.parameters }),
);

const adapterOnly = Effect.gen(function* () {
  const base = yield* loadDecoder(llama, shape, weights);
  const targetModules = [...new Set(linears.flatMap(({ parts }) => parts.map((it) => it.module)))];
  const lora = { rank, alpha: rank, dropout: 0, rsLora: false, targetModules };
  const adapter = yield* makeAdapter(base, lora, 1);
  return { decoder: adapter.decoder, parameters: adapter.parameters, adapter };
});

// Multiply-adds a token in the linears and the head; attention's own share is left out.
const base = linears.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0) +
  shape.vocab * shape.hidden;
const low = linears.reduce(
  (sum, { inputs, parts }) =>
    sum + parts.reduce((all, { from, to }) => all + rank * (inputs + to - from), 0),
  0,
);

/** Benches `trainStep` of a trainee that is made once; `flops` are those of a token. */
const benchStep = <E>(
  name: string,
  make: Effect.Effect<Trainee, E, Gpu | Scope.Scope>,
  flops: number,
): void => {
  let made: Promise<(step: number) => Promise<void>> | undefined;
  const prepare = async () => {
    const gpu = await benchGpu;
    const scope = Effect.runSync(Scope.make()); // lives as long as the process
    const run = <A, F>(effect: Effect.Effect<A, F, Gpu | Scope.Scope>) =>
      Effect.runPromise(
        effect.pipe(
          Effect.provideService(Gpu, gpu),
          Effect.provideService(Scope.Scope, scope),
        ),
      );
    const trainee = await run(make);
    const ring = await run(gpu.allocate([2]));
    const once = async (step: number) => {
      await run(trainStep(trainee, options, [batch], 1e-3, step, { ring, slot: 0 }));
      await run(gpu.finish);
    };
    await once(0); // compiles and warms the pool
    return once;
  };
  let step = 1;
  const tokens = batch.usedRows;
  Deno.bench({
    name: nameWithWork(name, { flops: flops * tokens, tokens }),
    group: `train_step, 64 examples of ${tokens} tokens`,
    warmup: 1,
    n: 10,
    fn: async (timer) => {
      const once = await (made ??= prepare());
      timer.start();
      await once(step++);
      timer.end();
    },
  });
};

// Backward: the frozen base's inputs only (2 more), with weights (4 more).
benchStep(`LoRA rank ${rank}`, adapterOnly, 4 * base + 6 * low);
benchStep("pre-training", wholeModel, 6 * base);
