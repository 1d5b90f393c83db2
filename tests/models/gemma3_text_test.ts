import assert from "node:assert/strict";
import { gemma3Text } from "../../src/models/gemma3_text.ts";
import { assertRefusals, shapeOf, sizesOf, windowsOf } from "./decoding.ts";
import { publishedConfigs } from "./published_configs.ts";

const config = {
  hidden_size: 64,
  intermediate_size: 50,
  num_hidden_layers: 3,
};
const decode = (more: Readonly<Record<string, unknown>>) =>
  shapeOf(gemma3Text, { ...config, ...more });

Deno.test("gemma3Text.decode() fills in what transformers leaves out", () => {
  const shape = decode({ num_hidden_layers: 7 });
  assert.deepEqual(
    [shape.vocab, shape.heads, shape.kvHeads, shape.headDim, shape.maxPositions, shape.tiedHead],
    [262_208, 8, 4, 256, 131_072, true],
  );
  assert.ok(!("attentionSoftCap" in shape) && !("logitSoftCap" in shape));
  assert.deepEqual(windowsOf(shape), [4096, 4096, 4096, 4096, 4096, 0, 4096]);
});

Deno.test("gemma3Text.decode() reads what is published", () => {
  const shape = shapeOf(gemma3Text, publishedConfigs["gemma-3-1b-it"]);
  assert.deepEqual(sizesOf(shape), {
    modelType: "gemma3_text",
    vocab: 262_144,
    hidden: 1152,
    intermediate: 6912,
    layers: 26,
    heads: 4,
    kvHeads: 1,
    headDim: 256,
    normEps: 1e-6,
    maxPositions: 32_768,
    initializerRange: 0.02,
    gainOffset: 1,
    activation: "gelu_tanh",
    embeddingScale: Math.sqrt(1152),
    attentionScale: 0.0625,
    biases: { qkv: false, output: false, feedForward: false },
    tiedHead: true,
  });
  assert.deepEqual(windowsOf(shape).slice(3, 7), [512, 512, 0, 512]);
});

Deno.test("gemma3Text.decode() shares one way of turning among the layers of a kind", () => {
  const rotaries = decode({ sliding_window_pattern: 2 }).layerRules.map(({ rotary }) => rotary!);
  assert.equal(rotaries[0], rotaries[2]);
  const second = ({ inverseFrequencies: [, value] }: typeof rotaries[number]) => value;
  assert.equal(second(rotaries[0]!), Math.fround(1 / Math.fround(10_000 ** (1 / 128))));
  assert.equal(second(rotaries[1]!), Math.fround(1 / Math.fround(1_000_000 ** (1 / 128))));
});

Deno.test("gemma3Text.decode() prefers layer_types to sliding_window_pattern", () => {
  const layer_types = ["full_attention", "sliding_attention", "full_attention"];
  assert.deepEqual(windowsOf(decode({ layer_types, sliding_window_pattern: 2 })), [0, 4096, 0]);
});

Deno.test("gemma3Text.tensors names norms around both blocks and of the heads", () => {
  const { attentionOutput, heads } = gemma3Text.tensors.gains(0);
  assert.equal(attentionOutput, "model.layers.0.post_attention_layernorm.weight");
  assert.deepEqual(heads, {
    query: "model.layers.0.self_attn.q_norm.weight",
    key: "model.layers.0.self_attn.k_norm.weight",
  });
});

Deno.test("gemma3Text.decode() refuses what is not implemented for it", () => {
  const only = "as nothing else is implemented for gemma3_text,";
  assertRefusals(gemma3Text, config, [
    [
      { attn_logit_softcapping: 50 },
      `attn_logit_softcapping should be null, ${only} but is 50`,
    ],
    [
      { use_bidirectional_attention: true },
      `use_bidirectional_attention should be false, ${only} but is true`,
    ],
    [
      { rope_parameters: { rope_type: "default" } },
      "rope_parameters.rope_type should be absent, as only full_attention and " +
      'sliding_attention have settings, but is "default"',
    ],
    [
      { rope_parameters: { full_attention: { rope_type: "linear" } } },
      "rope_parameters.full_attention.factor should be a positive number but is missing",
    ],
    [
      { rope_scaling: { rope_type: "linear" } },
      "rope_scaling.factor should be a positive number but is missing",
    ],
    [
      { rope_scaling: { rope_type: "linear", factor: 8 }, rope_parameters: {} },
      "rope_scaling should be null beside rope_parameters but is an object of rope_type, factor",
    ],
    [
      { rope_local_base_freq: "x" },
      'rope_local_base_freq should be a positive number but is "x"',
    ],
    [
      { sliding_window_pattern: 0 },
      "sliding_window_pattern should be a whole number from 1 to 16777216 but is 0",
    ],
    [
      { num_hidden_layers: 1e9 },
      "num_hidden_layers should be a whole number from 1 to 1024 but is 1000000000",
    ],
  ]);
});
