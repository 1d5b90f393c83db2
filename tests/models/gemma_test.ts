import assert from "node:assert/strict";
import { gemma } from "../../src/models/gemma.ts";
import { assertRefusals, shapeOf, sizesOf, thetaOf } from "./decoding.ts";
import { publishedConfigs } from "./published_configs.ts";

const config = {
  vocab_size: 41,
  hidden_size: 64,
  intermediate_size: 50,
  num_hidden_layers: 2,
  num_attention_heads: 16,
};
const decode = (more: Readonly<Record<string, unknown>>) => shapeOf(gemma, { ...config, ...more });

Deno.test("gemma.decode() fills in what transformers leaves out", () => {
  const shape = decode({});
  assert.deepEqual(
    [shape.kvHeads, shape.headDim, shape.maxPositions, shape.activation, shape.tiedHead],
    [16, 256, 8192, "gelu_tanh", true],
  );
  assert.deepEqual([shape.gainOffset, shape.embeddingScale], [1, 8]);
});

Deno.test("gemma.decode() reads what is published", () => {
  const shape = shapeOf(gemma, publishedConfigs["gemma-2b"]);
  assert.deepEqual(sizesOf(shape), {
    modelType: "gemma",
    vocab: 256_000,
    hidden: 2048,
    intermediate: 16_384,
    layers: 18,
    heads: 8,
    kvHeads: 1,
    headDim: 256,
    normEps: 1e-6,
    maxPositions: 8192,
    initializerRange: 0.02,
    gainOffset: 1,
    activation: "gelu_tanh",
    embeddingScale: Math.sqrt(2048),
    attentionScale: 0.0625,
    biases: { qkv: false, output: false, feedForward: false },
    tiedHead: true,
  });
  assert.equal(thetaOf(shape), 10_000);
});

Deno.test("gemma.decode() takes gelu for the approximation that Gemma was trained with", () => {
  for (const hidden_act of ["gelu", "gelu_pytorch_tanh", null, undefined]) {
    assert.equal(decode({ hidden_act }).activation, "gelu_tanh");
    assert.equal(decode({ hidden_act, hidden_activation: null }).activation, "gelu_tanh");
    assert.equal(decode({ hidden_act, hidden_activation: "gelu_new" }).activation, "gelu_tanh");
  }
  assert.equal(decode({ hidden_act: "silu" }).activation, "silu");
});

Deno.test("gemma.decode() refuses what is not implemented for it", () => {
  assertRefusals(gemma, config, [
    [
      { use_bidirectional_attention: true },
      "use_bidirectional_attention should be false, as nothing else is implemented for gemma, " +
      "but is true",
    ],
    [
      { final_logit_softcapping: 30 },
      "final_logit_softcapping should be null, as nothing else is implemented for gemma, but is 30",
    ],
    [
      { hidden_act: "silu", hidden_activation: "gelu_pytorch_tanh" },
      'hidden_activation should be the same as hidden_act but is "gelu_pytorch_tanh"',
    ],
    [
      { hidden_activation: "relu" },
      "hidden_activation should be one of silu, swish, gelu_pytorch_tanh, gelu_new, gelu_fast, " +
      'gelu but is "relu"',
    ],
  ]);
});
