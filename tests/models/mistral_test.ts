import assert from "node:assert/strict";
import { mistral } from "../../src/models/mistral.ts";
import { assertRefusals, shapeOf, sizesOf, thetaOf, windowsOf } from "./decoding.ts";
import { publishedConfigs } from "./published_configs.ts";

const config = {
  vocab_size: 41,
  hidden_size: 64,
  intermediate_size: 50,
  num_hidden_layers: 2,
  num_attention_heads: 8,
};
const decode = (more: Readonly<Record<string, unknown>>) =>
  shapeOf(mistral, { ...config, ...more });

Deno.test("mistral.decode() fills in what transformers leaves out", () => {
  const shape = decode({});
  assert.deepEqual(
    [shape.kvHeads, shape.headDim, shape.normEps, shape.maxPositions, shape.tiedHead],
    [8, 8, 1e-6, 131_072, false],
  );
  assert.equal(thetaOf(shape), 10_000);
  assert.deepEqual(windowsOf(shape), [4096, 4096]);
});

Deno.test("mistral.decode() reads what is published", () => {
  const first = shapeOf(mistral, publishedConfigs["Mistral-7B-v0.1"]);
  assert.deepEqual(sizesOf(first), {
    modelType: "mistral",
    vocab: 32_000,
    hidden: 4096,
    intermediate: 14_336,
    layers: 32,
    heads: 32,
    kvHeads: 8,
    headDim: 128,
    normEps: 1e-5,
    maxPositions: 32_768,
    initializerRange: 0.02,
    gainOffset: 0,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 128 ** -0.5,
    biases: { qkv: false, output: false, feedForward: false },
    tiedHead: false,
  });
  assert.deepEqual(windowsOf(first), Array(32).fill(4096));
  const third = shapeOf(mistral, publishedConfigs["Mistral-7B-v0.3"]);
  assert.deepEqual(windowsOf(third), Array(32).fill(0));
  assert.equal(thetaOf(third), 1_000_000);
});

Deno.test("mistral.decode() takes a head_dim that hidden_size does not give", () => {
  const nemo = decode({ head_dim: 16, num_key_value_heads: null });
  assert.deepEqual([nemo.headDim, nemo.kvHeads, nemo.attentionScale], [16, 8, 0.25]);
  assert.equal(mistral.linears(nemo, 0)[1]!.inputs, 128);
});

Deno.test("mistral.decode() refuses what is not implemented for it", () => {
  const only = "as nothing else is implemented for mistral,";
  assertRefusals(mistral, config, [
    [{ attention_bias: true }, `attention_bias should be false, ${only} but is true`],
    [{ mlp_bias: true }, `mlp_bias should be false, ${only} but is true`],
    [{ layer_types: [] }, `layer_types should be null, ${only} but is a list of 0`],
    [
      { sliding_window: 0 },
      "sliding_window should be a whole number from 1 to 16777216 but is 0",
    ],
  ]);
});
