import assert from "node:assert/strict";
import { gemma2 } from "../../src/models/gemma2.ts";
import { assertRefusals, shapeOf, sizesOf, windowsOf } from "./decoding.ts";
import { publishedConfigs } from "./published_configs.ts";

const config = {
  vocab_size: 41,
  hidden_size: 64,
  intermediate_size: 50,
  num_hidden_layers: 3,
  num_attention_heads: 8,
};
const decode = (more: Readonly<Record<string, unknown>>) => shapeOf(gemma2, { ...config, ...more });

Deno.test("gemma2.decode() fills in what transformers leaves out", () => {
  const shape = decode({});
  assert.deepEqual(
    [shape.kvHeads, shape.headDim, shape.maxPositions, shape.activation, shape.tiedHead],
    [4, 256, 8192, "gelu_tanh", true],
  );
  assert.deepEqual([shape.attentionSoftCap, shape.logitSoftCap], [50, 30]);
  assert.equal(shape.attentionScale, 1 / 16);
  assert.deepEqual(windowsOf(shape), [4096, 0, 4096]);
});

Deno.test("gemma2.decode() reads what is published", () => {
  const shape = shapeOf(gemma2, publishedConfigs["gemma-2-2b"]);
  assert.deepEqual(sizesOf(shape), {
    modelType: "gemma2",
    vocab: 256_000,
    hidden: 2304,
    intermediate: 9216,
    layers: 26,
    heads: 8,
    kvHeads: 4,
    headDim: 256,
    normEps: 1e-6,
    maxPositions: 8192,
    initializerRange: 0.02,
    gainOffset: 1,
    activation: "gelu_tanh",
    embeddingScale: 48,
    attentionScale: 0.0625,
    attentionSoftCap: 50,
    logitSoftCap: 30,
    biases: { qkv: false, output: false, feedForward: false },
    tiedHead: true,
  });
  assert.deepEqual(windowsOf(shape).slice(0, 4), [4096, 0, 4096, 0]);
});

Deno.test("gemma2.decode() has no soft cap where the configuration says null", () => {
  const shape = decode({ attn_logit_softcapping: null, final_logit_softcapping: null });
  assert.ok(!("attentionSoftCap" in shape) && !("logitSoftCap" in shape));
});

Deno.test("gemma2.decode() reads query_pre_attn_scalar and layer_types", () => {
  const layer_types = ["full_attention", "full_attention", "sliding_attention"];
  const shape = decode({ query_pre_attn_scalar: 144, layer_types, sliding_window: 9 });
  assert.equal(shape.attentionScale, 1 / 12);
  assert.deepEqual(windowsOf(shape), [0, 0, 9]);
});

Deno.test("gemma2.tensors names norms before and after both blocks", () => {
  assert.deepEqual(gemma2.tensors.gains(1), {
    attention: "model.layers.1.input_layernorm.weight",
    attentionOutput: "model.layers.1.post_attention_layernorm.weight",
    feedForward: "model.layers.1.pre_feedforward_layernorm.weight",
    feedForwardOutput: "model.layers.1.post_feedforward_layernorm.weight",
  });
});

Deno.test("gemma2.decode() refuses what is not implemented for it", () => {
  assertRefusals(gemma2, config, [
    [
      { sliding_window: null },
      "sliding_window should be set, as some layers are of sliding_attention, but is null",
    ],
    [
      { attn_logit_softcapping: 0 },
      "attn_logit_softcapping should be a positive number but is 0",
    ],
    [
      { final_logit_softcapping: "30" },
      'final_logit_softcapping should be a positive number but is "30"',
    ],
    [
      { query_pre_attn_scalar: null },
      "query_pre_attn_scalar should be a positive number but is null",
    ],
    [
      { use_bidirectional_attention: true },
      "use_bidirectional_attention should be false, as nothing else is implemented for gemma2, " +
      "but is true",
    ],
  ]);
});
