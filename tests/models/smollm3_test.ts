import assert from "node:assert/strict";
import { smollm3 } from "../../src/models/smollm3.ts";
import { assertRefusals, shapeOf, sizesOf, thetaOf, windowsOf } from "./decoding.ts";
import { publishedConfigs } from "./published_configs.ts";

const config = {
  vocab_size: 41,
  hidden_size: 64,
  intermediate_size: 50,
  num_hidden_layers: 5,
  num_attention_heads: 8,
};
const decode = (more: Readonly<Record<string, unknown>>) =>
  shapeOf(smollm3, { ...config, ...more });
const turnsOf = (more: Readonly<Record<string, unknown>>) =>
  decode(more).layerRules.map(({ rotary }) => rotary ? 1 : 0);

Deno.test("smollm3.decode() fills in what transformers leaves out", () => {
  const shape = decode({});
  assert.deepEqual(
    [shape.kvHeads, shape.headDim, shape.normEps, shape.maxPositions, shape.tiedHead],
    [4, 8, 1e-6, 32_768, true],
  );
  assert.equal(thetaOf(shape), 2_000_000);
  assert.deepEqual(turnsOf({}), [1, 1, 1, 0, 1]);
  assert.deepEqual(windowsOf(shape), [0, 0, 0, 0, 0]);
});

Deno.test("smollm3.decode() reads what is published", () => {
  const shape = shapeOf(smollm3, publishedConfigs["SmolLM3-3B"]);
  assert.deepEqual(sizesOf(shape), {
    modelType: "smollm3",
    vocab: 128_256,
    hidden: 2048,
    intermediate: 11_008,
    layers: 36,
    heads: 16,
    kvHeads: 4,
    headDim: 128,
    normEps: 1e-6,
    maxPositions: 65_536,
    initializerRange: 0.02,
    gainOffset: 0,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 128 ** -0.5,
    biases: { qkv: false, output: false, feedForward: false },
    tiedHead: true,
  });
  assert.equal(thetaOf(shape), 5_000_000);
  const still = shape.layerRules.flatMap(({ rotary }, layer) => rotary ? [] : [layer]);
  assert.deepEqual(still, [3, 7, 11, 15, 19, 23, 27, 31, 35]);
});

Deno.test("smollm3.decode() turns the layers that the configuration says", () => {
  assert.deepEqual(turnsOf({ no_rope_layer_interval: 2 }), [1, 0, 1, 0, 1]);
  assert.deepEqual(turnsOf({ no_rope_layers: [0, 1, 0, 0, 1, 1, 1] }), [0, 1, 0, 0, 1]);
});

Deno.test("smollm3.decode() slides the layers that do not turn, or those of layer_types", () => {
  const sliding = { use_sliding_window: true, sliding_window: 7 };
  assert.deepEqual(windowsOf(decode(sliding)), [0, 0, 0, 7, 0]);
  const layer_types = Array(5).fill("full_attention").with(0, "sliding_attention");
  assert.deepEqual(windowsOf(decode({ ...sliding, layer_types })), [7, 0, 0, 0, 0]);
});

Deno.test("smollm3.linears() has the biases of attention_bias and mlp_bias", () => {
  const biases = (more: Readonly<Record<string, unknown>>) =>
    smollm3.linears(decode(more), 0).map(({ bias }) => bias);
  assert.deepEqual(biases({ attention_bias: true }), [true, true, false, false]);
  assert.deepEqual(biases({ mlp_bias: true }), [false, false, true, true]);
});

Deno.test("smollm3.decode() refuses what is not implemented for it", () => {
  assertRefusals(smollm3, config, [
    [
      { no_rope_layers: [1, 1] },
      "no_rope_layers should be a list of at least 5 but is a list of 2",
    ],
    [
      { no_rope_layers: [1, 1, 2, 1, 1] },
      "no_rope_layers[2] should be one of 0, 1, false, true but is 2",
    ],
    [
      { no_rope_layer_interval: 0 },
      "no_rope_layer_interval should be a whole number from 1 to 16777216 but is 0",
    ],
    [
      { layer_types: Array(5).fill("sliding_attention"), sliding_window: 8 },
      "use_sliding_window should be set, as some layers are of sliding_attention, but is missing",
    ],
  ]);
});
