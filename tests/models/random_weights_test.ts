import assert from "node:assert/strict";
import { Effect } from "effect";
import { llama } from "../../src/models/llama.ts";
import { randomWeights } from "../../src/models/random_weights.ts";

Deno.test("randomWeights() gives the same rows alone as within the whole tensor", () =>
  Effect.gen(function* () {
    const shape = yield* llama.decode({
      vocab_size: 11,
      hidden_size: 8,
      intermediate_size: 12,
      num_hidden_layers: 1,
      num_attention_heads: 2,
    });
    const weights = randomWeights(llama, shape, 42);
    const name = "model.embed_tokens.weight";
    assert.deepEqual(weights.describe(name), { dtype: "F32", shape: [11, 8] });
    const whole = yield* weights.read(name);
    const part = yield* weights.read(name, [11, 8], { from: 3, to: 5 });
    assert.deepEqual(part, { shape: [2, 8], data: whole.data.slice(24, 40) });
    const gain = yield* weights.read("model.norm.weight", [8], { from: 6, to: 8 });
    assert.deepEqual([...gain.data], [1, 1]);
  }).pipe(Effect.runPromise));
