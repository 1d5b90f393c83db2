import assert from "node:assert/strict";
import { qwen2 } from "../../src/models/qwen2.ts";
import { assertRefusals, shapeOf, sizesOf, thetaOf, windowsOf } from "./decoding.ts";
import { publishedConfigs } from "./published_configs.ts";

const config = {
  vocab_size: 41,
  hidden_size: 128,
  intermediate_size: 50,
  num_hidden_layers: 4,
  num_attention_heads: 32,
};
const decode = (more: Readonly<Record<string, unknown>>) => shapeOf(qwen2, { ...config, ...more });

Deno.test("qwen2.decode() fills in what transformers leaves out", () => {
  const shape = decode({});
  assert.deepEqual(
    [shape.kvHeads, shape.headDim, shape.normEps, shape.maxPositions, shape.tiedHead],
    [32, 4, 1e-6, 32_768, false],
  );
  assert.equal(thetaOf(shape), 10_000);
  assert.deepEqual(windowsOf(shape), [0, 0, 0, 0]);
});

Deno.test("qwen2.decode() reads what is published", () => {
  const shape = shapeOf(qwen2, publishedConfigs["Qwen2.5-0.5B"]);
  assert.deepEqual(sizesOf(shape), {
    modelType: "qwen2",
    vocab: 151_936,
    hidden: 896,
    intermediate: 4864,
    layers: 24,
    heads: 14,
    kvHeads: 2,
    headDim: 64,
    normEps: 1e-6,
    maxPositions: 32_768,
    initializerRange: 0.02,
    gainOffset: 0,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 0.125,
    biases: { qkv: true, output: false, feedForward: false },
    tiedHead: true,
  });
  assert.equal(thetaOf(shape), 1_000_000);
  assert.deepEqual(windowsOf(shape), Array(24).fill(0));
});

Deno.test("qwen2.decode() slides the layers that the configuration says", () => {
  const sliding = { use_sliding_window: true, sliding_window: 7 };
  assert.deepEqual(windowsOf(decode({ ...sliding, max_window_layers: 3 })), [0, 0, 0, 7]);
  assert.deepEqual(windowsOf(decode({ ...sliding, max_window_layers: 0 })), [7, 7, 7, 7]);
  assert.deepEqual(windowsOf(decode(sliding)), [0, 0, 0, 0]);
  const layer_types = ["sliding_attention", "full_attention", "full_attention", "full_attention"];
  assert.deepEqual(windowsOf(decode({ ...sliding, layer_types })), [7, 0, 0, 0]);
});

Deno.test("qwen2.linears() has biases of queries, keys and values whatever attention_bias says", () => {
  for (const attention_bias of [undefined, false, true]) {
    const biases = qwen2.linears(decode({ attention_bias }), 0).map(({ bias }) => bias);
    assert.deepEqual(biases, [true, false, false, false]);
  }
});

Deno.test("qwen2.decode() refuses what is not implemented for it", () => {
  const full = Array(4).fill("full_attention");
  const kinds = "one of full_attention, sliding_attention";
  assertRefusals(qwen2, config, [
    [
      { partial_rotary_factor: 0.5 },
      "partial_rotary_factor should be 1, as nothing else is implemented for qwen2, but is 0.5",
    ],
    [
      { layer_types: full.with(2, "chunked_attention") },
      `layer_types[2] should be ${kinds} but is "chunked_attention"`,
    ],
    [{ layer_types: full.with(0, null) }, `layer_types[0] should be ${kinds} but is null`],
    [{ layer_types: full.slice(1) }, "layer_types should be a list of 4 but is a list of 3"],
    [
      { layer_types: full.with(2, "sliding_attention") },
      "use_sliding_window should be set, as some layers are of sliding_attention, but is missing",
    ],
    [
      { max_window_layers: -1 },
      "max_window_layers should be a whole number from 1 to 16777216 but is -1",
    ],
  ]);
});
