import assert from "node:assert/strict";
import { phi3 } from "../../src/models/phi3.ts";
import { assertRefusals, shapeOf, sizesOf, thetaOf, windowsOf } from "./decoding.ts";
import { publishedConfigs } from "./published_configs.ts";

const config = {
  vocab_size: 41,
  hidden_size: 96,
  intermediate_size: 50,
  num_hidden_layers: 2,
  num_attention_heads: 6,
};
const decode = (more: Readonly<Record<string, unknown>>) => shapeOf(phi3, { ...config, ...more });

Deno.test("phi3.decode() fills in what transformers leaves out", () => {
  const shape = decode({});
  assert.deepEqual(
    [shape.kvHeads, shape.headDim, shape.normEps, shape.maxPositions, shape.tiedHead],
    [6, 16, 1e-5, 4096, false],
  );
  assert.equal(thetaOf(shape), 10_000);
  assert.deepEqual(windowsOf(shape), [0, 0]);
});

Deno.test("phi3.decode() reads what is published", () => {
  const mini = shapeOf(phi3, publishedConfigs["Phi-3-mini-4k"]);
  assert.deepEqual([mini.hidden, mini.headDim, mini.kvHeads, mini.tiedHead], [3072, 96, 32, false]);
  assert.deepEqual(windowsOf(mini), Array(32).fill(2047));
  const shape = shapeOf(phi3, publishedConfigs["Phi-4-mini"]);
  assert.deepEqual(sizesOf(shape), {
    modelType: "phi3",
    vocab: 200_064,
    hidden: 3072,
    intermediate: 8192,
    layers: 32,
    heads: 24,
    kvHeads: 8,
    headDim: 128,
    normEps: 1e-5,
    // Beyond 4,096 every position turns by long_factor.
    maxPositions: 4096,
    initializerRange: 0.02,
    gainOffset: 0,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 128 ** -0.5,
    biases: { qkv: false, output: false, feedForward: false },
    tiedHead: true,
  });
  const { inverseFrequencies, factor } = shape.layerRules[0]!.rotary!;
  assert.equal(inverseFrequencies.length, 48);
  assert.equal(factor, Math.sqrt(1 + Math.log(32) / Math.log(4096)));
});

Deno.test("phi3.linears() takes the stacked tensors of the file as one part each", () => {
  const [qkv, output, gateUp, down] = phi3.linears(decode({ num_key_value_heads: 2 }), 1);
  assert.deepEqual(qkv!.parts, [
    { module: "qkv_proj", path: "model.layers.1.self_attn.qkv_proj", from: 0, to: 160 },
  ]);
  assert.deepEqual(gateUp!.parts, [
    { module: "gate_up_proj", path: "model.layers.1.mlp.gate_up_proj", from: 0, to: 100 },
  ]);
  assert.deepEqual([output!.inputs, output!.outputs], [96, 96]);
  assert.deepEqual([down!.inputs, down!.outputs], [50, 96]);
});

Deno.test("phi3.decode() refuses what is not implemented for it", () => {
  const only = "as nothing else is implemented for phi3,";
  assertRefusals(phi3, config, [
    [{ attention_bias: true }, `attention_bias should be false, ${only} but is true`],
    [{ lm_head_bias: true }, `lm_head_bias should be false, ${only} but is true`],
    [{ resid_pdrop: 0.1 }, `resid_pdrop should be 0, ${only} but is 0.1`],
    [
      { rope_scaling: { type: "linear", factor: 2 } },
      'rope_scaling.type should be one of default, longrope, su, yarn but is "linear"',
    ],
    [
      { partial_rotary_factor: 0.2 },
      "partial_rotary_factor should be a part of head_dim (16) that is even but is 0.2",
    ],
    [
      { partial_rotary_factor: 1.5 },
      "partial_rotary_factor should be a part of head_dim (16) that is even but is 1.5",
    ],
    [
      { partial_rotary_factor: "half" },
      'partial_rotary_factor should be a positive number but is "half"',
    ],
  ]);
});
