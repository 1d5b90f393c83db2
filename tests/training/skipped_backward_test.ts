import assert from "node:assert/strict";
import { Effect } from "effect";
import { pack } from "../../src/data/batch.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { attendWithin, decoderBackward, decoderForward } from "../../src/models/decoder.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { llama } from "../../src/models/llama.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { type AdapterPlan, planAdapter } from "../../src/nn/adapter_plan.ts";
import { uploadBatch } from "../../src/training/step.ts";
import { counted } from "../support/adapted_pass.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";
import { tinyExamples } from "./tiny.ts";

const shape = Effect.runSync(llama.decode({
  vocab_size: 41,
  hidden_size: 36,
  intermediate_size: 50,
  num_hidden_layers: 3,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
}));
const lora = {
  rank: 4,
  alpha: 8,
  dropout: 0.1,
  rsLora: false,
  targetModules: ["q_proj", "up_proj"],
};

// The gradients of a fresh adapter on `layers`, and how many dispatches they take.
const gradientsOf = (layers: ReadonlyArray<number>, keep: Keep, wantsEmbedded: boolean) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const base = yield* loadDecoder(llama, shape, randomWeights(llama, shape, 1));
    const { linears } = yield* planAdapter(base, lora);
    const within = layers.map((layer) => `layers.${layer}.`);
    const plan: AdapterPlan = {
      linears: new Map([...linears].filter(([path]) => within.some((part) => path.includes(part)))),
    };
    const { decoder, parameters } = yield* makeAdapter(base, lora, 1, { plan });
    for (const { value } of parameters.arenas) {
      yield* gpu.write(value, uniform(value.shape[0]!, 3)); // a fresh B is zero
    }
    const packed = pack(tinyExamples(4));
    const batch = yield* uploadBatch(gpu, packed);
    const { hidden } = shape;
    const dHidden = yield* gpu.upload(uniform(packed.rows * hidden, 5), [packed.rows, hidden]);
    const count = { dispatches: 0 };
    yield* gpu.submit((pass) => {
      const [attendOf, mode] = [attendWithin(batch), { seed: 1, step: 0 }];
      const forward = decoderForward(pass, decoder, batch.tokens, attendOf, { keep, mode });
      const on = counted(pass, count);
      const options = { mode, wantsEmbedded };
      decoderBackward(on, decoder, batch.tokens, forward, dHidden, attendOf, options);
    });
    const gradients = yield* Effect.forEach(
      parameters.arenas,
      ({ gradient }) => gpu.download(gradient!),
    );
    return { gradients, dispatches: count.dispatches };
  });

type Keep = "everything" | "layer_inputs";

for (const keep of ["everything", "layer_inputs"] as const) {
  onGpu(
    `decoderBackward() ends where nothing before is trained, with the same gradients (${keep})`,
    Effect.gen(function* () {
      let fewer = Infinity;
      for (const layers of [[0, 1, 2], [1, 2], [2]]) {
        const whole = yield* gradientsOf(layers, keep, true);
        const ended = yield* gradientsOf(layers, keep, false);
        assert.deepEqual(ended.gradients, whole.gradients);
        assert.ok(ended.gradients.some((gradient) => gradient.some((value) => value !== 0)));
        assert.ok(ended.dispatches < whole.dispatches);
        assert.ok(ended.dispatches < fewer);
        fewer = ended.dispatches;
      }
    }),
  );
}
