import assert from "node:assert/strict";
import { qwen3 } from "../../src/models/qwen3.ts";
import { assertRefusals, shapeOf, sizesOf, thetaOf, windowsOf } from "./decoding.ts";
import { publishedConfigs } from "./published_configs.ts";

const config = {
  vocab_size: 41,
  hidden_size: 128,
  intermediate_size: 50,
  num_hidden_layers: 2,
  num_attention_heads: 32,
};
const decode = (more: Readonly<Record<string, unknown>>) => shapeOf(qwen3, { ...config, ...more });

Deno.test("qwen3.decode() fills in what transformers leaves out", () => {
  const shape = decode({});
  assert.deepEqual(
    [shape.kvHeads, shape.headDim, shape.normEps, shape.maxPositions, shape.tiedHead],
    [32, 128, 1e-6, 32_768, false],
  );
  assert.equal(thetaOf(shape), 10_000);
  assert.deepEqual(windowsOf(decode({ use_sliding_window: true, max_window_layers: 1 })), [
    0,
    4096,
  ]);
});

Deno.test("qwen3.decode() reads what is published", () => {
  const shape = shapeOf(qwen3, publishedConfigs["Qwen3-0.6B"]);
  assert.deepEqual(sizesOf(shape), {
    modelType: "qwen3",
    vocab: 151_936,
    hidden: 1024,
    intermediate: 3072,
    layers: 28,
    heads: 16,
    kvHeads: 8,
    headDim: 128,
    normEps: 1e-6,
    maxPositions: 40_960,
    initializerRange: 0.02,
    gainOffset: 0,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 128 ** -0.5,
    biases: { qkv: false, output: false, feedForward: false },
    tiedHead: true,
  });
  assert.equal(thetaOf(shape), 1_000_000);
  assert.equal(qwen3.linears(shape, 3)[1]!.inputs, 2048);
});

Deno.test("qwen3.tensors names the norms of query heads and key heads", () => {
  assert.deepEqual(qwen3.tensors.gains(3), {
    attention: "model.layers.3.input_layernorm.weight",
    feedForward: "model.layers.3.post_attention_layernorm.weight",
    heads: {
      query: "model.layers.3.self_attn.q_norm.weight",
      key: "model.layers.3.self_attn.k_norm.weight",
    },
  });
});

Deno.test("qwen3.linears() has biases around attention with attention_bias", () => {
  const biases = qwen3.linears(decode({ attention_bias: true }), 0).map(({ bias }) => bias);
  assert.deepEqual(biases, [true, true, false, false]);
});

Deno.test("qwen3.decode() refuses what is not implemented for it", () => {
  assertRefusals(qwen3, config, [
    [
      { num_experts: 128 },
      "num_experts should be 0, as nothing else is implemented for qwen3, but is 128",
    ],
    [{ head_dim: 18 }, "head_dim should be a multiple of 4 up to 1024 but is 18"],
  ]);
});
