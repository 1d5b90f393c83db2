import assert from "node:assert/strict";
import { Effect } from "effect";
import type { ModelShape } from "../../src/models/architecture.ts";
import { llama } from "../../src/models/llama.ts";

const config = {
  vocab_size: 41,
  hidden_size: 36,
  intermediate_size: 50,
  num_hidden_layers: 2,
  num_attention_heads: 3,
};
const decode = (more: Readonly<Record<string, unknown>>) =>
  Effect.runSync(llama.decode({ ...config, ...more }));
const refusal = (more: Readonly<Record<string, unknown>>) =>
  Effect.runSync(Effect.flip(llama.decode({ ...config, ...more }))).message;

// The frequency of pair i is theta^(−2i / headDim).
const ropeTheta = ({ headDim, layerRules }: ModelShape): number =>
  Math.round(layerRules[0]!.rotary!.inverseFrequencies[1]! ** (-headDim / 2));

Deno.test("llama.decode() fills in what transformers leaves out", () => {
  const { kvHeads, headDim, tiedHead } = decode({});
  assert.equal(ropeTheta(decode({})), 10_000);
  assert.deepEqual({ kvHeads, headDim, tiedHead }, {
    kvHeads: 3,
    headDim: 12,
    tiedHead: false,
  });
});

Deno.test("llama.decode() reads rotary settings where either version of transformers writes them", () => {
  assert.equal(ropeTheta(decode({ rope_theta: 500, rope_scaling: null })), 500);
  const gathered = { rope_type: "default", rope_theta: 500 };
  assert.equal(ropeTheta(decode({ rope_parameters: gathered })), 500);
});

Deno.test("llama.decode() refuses what would change the computation if it were ignored", () => {
  const cases: ReadonlyArray<readonly [Readonly<Record<string, unknown>>, string]> = [
    [{ rope_scaling: { type: "linear", factor: 2 } }, "rope_scaling should be null"],
    [{ rope_parameters: { rope_type: "llama3" } }, 'rope_type should be "default"'],
    [{ hidden_act: "gelu" }, 'hidden_act should be "silu" but is "gelu"'],
    [{ attention_bias: true }, "attention_bias should be false but is true"],
    [{ num_key_value_heads: 2 }, "num_key_value_heads should be a divisor of 3"],
    [{ head_dim: 6 }, "head_dim should be a multiple of 4 but is 6"],
    [{ hidden_size: 37 }, "head_dim should be a whole number"],
    [{ vocab_size: undefined }, "vocab_size should be a positive number but is missing"],
  ];
  for (const [more, expected] of cases) {
    assert.ok(refusal(more).includes(expected), `${refusal(more)} instead of ${expected}`);
  }
});
