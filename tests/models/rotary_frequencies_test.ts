import assert from "node:assert/strict";
import { Effect } from "effect";
import type { Rotary } from "../../src/models/architecture.ts";
import { llama } from "../../src/models/llama.ts";
import { architectureOf } from "../../src/models/registry.ts";
import made from "../../fixtures/rotary_frequencies.json" with { type: "json" };
import { assertRefusals, shapeOf } from "./decoding.ts";

type Case = {
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: ReadonlyArray<Rotary | null>;
};
const cases = made.cases as Readonly<Record<string, Case>>;

// Both are f32; a power may be rounded another way in its last bit.
const LAST_BIT = 2 ** -23;

for (const [name, { config, layers }] of Object.entries(cases)) {
  Deno.test(`decode() turns heads as transformers ${made.transformers} does: ${name}`, () => {
    const { layerRules } = shapeOf(Effect.runSync(architectureOf(config)), config);
    assert.equal(layerRules.length, layers.length);
    for (const [index, expected] of layers.entries()) {
      const actual = layerRules[index]!.rotary;
      assert.equal(actual === undefined, expected === null);
      if (!actual || !expected) continue;
      assert.ok(Math.abs(actual.factor / expected.factor - 1) < 1e-12, `factor ${actual.factor}`);
      assert.equal(actual.inverseFrequencies.length, expected.inverseFrequencies.length);
      for (const [pair, frequency] of expected.inverseFrequencies.entries()) {
        const error = Math.abs(actual.inverseFrequencies[pair]! / frequency - 1);
        assert.ok(error <= 2 * LAST_BIT, `pair ${pair}: ${error} off ${frequency}`);
      }
    }
  });
}

const config = {
  vocab_size: 32,
  hidden_size: 32,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  max_position_embeddings: 4096,
};
const scaled = (rope_scaling: Readonly<Record<string, unknown>>) => ({ rope_scaling });
const positionsOf = (change: Readonly<Record<string, unknown>>) =>
  shapeOf(llama, { ...config, ...change }).maxPositions;

Deno.test("decode() allows as many positions as its frequencies hold for", () => {
  assert.equal(positionsOf(scaled({ type: "dynamic", factor: 4 })), 4096);
  assert.equal(positionsOf(scaled({ type: "linear", factor: 4 })), 4096);
  const longrope = {
    rope_type: "longrope",
    short_factor: [1, 1, 1, 1],
    long_factor: [1, 2, 3, 4],
    original_max_position_embeddings: 1024,
  };
  assert.equal(positionsOf(scaled(longrope)), 1024);
  assert.equal(positionsOf({ ...scaled(longrope), max_position_embeddings: 512 }), 512);
});

Deno.test("decode() takes settings that say nothing", () => {
  const finetuned = { type: "linear", factor: 2, finetuned: true, mscale: null };
  assert.equal(positionsOf(scaled(finetuned)), 4096);
  assert.equal(positionsOf(scaled({})), 4096);
});

Deno.test("decode() refuses rotary settings that are not implemented or make no sense", () => {
  const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  const longrope = { rope_type: "longrope", short_factor: [1, 1, 1, 1], long_factor: [1, 1, 1, 1] };
  const types = "one of default, linear, dynamic, llama3, yarn, longrope";
  assertRefusals(llama, config, [
    [scaled({ type: "ntk" }), `rope_scaling.type should be ${types} but is "ntk"`],
    [scaled({ rope_type: 4 }), `rope_scaling.rope_type should be ${types} but is 4`],
    [
      { rope_parameters: { rope_type: "proportional" } },
      `rope_parameters.rope_type should be ${types} but is "proportional"`,
    ],
    [{ rope_scaling: 2 }, "rope_scaling should be an object but is 2"],
    [
      { rope_scaling: { type: "linear", factor: 2 }, rope_parameters: {} },
      "rope_scaling should be null beside rope_parameters but is an object of type, factor",
    ],
    [{ rope_theta: 0 }, "rope_theta should be a positive number but is 0"],
    [{ rope_theta: 1e-300 }, "rope_theta should be a positive number but is 1e-300"],
    [
      { rope_theta: 1, ...scaled({ type: "yarn", factor: 4 }) },
      "rope_theta should be one that gives finite frequencies but is 1",
    ],
    [
      scaled({ ...longrope, original_max_position_embeddings: 1 }),
      "rope_scaling.original_max_position_embeddings should be above 1 but is 1",
    ],
    [
      { rope_parameters: { full_attention: { rope_type: "default" } } },
      "rope_parameters.full_attention should be absent, as rotary type default has no such " +
      "setting, but is an object of rope_type",
    ],
    [
      scaled({ type: "linear", factor: 2, mrope_section: [1] }),
      "rope_scaling.mrope_section should be absent, as rotary type linear has no such setting, " +
      "but is a list of 1",
    ],
    [scaled({ type: "linear" }), "rope_scaling.factor should be a positive number but is missing"],
    [
      scaled({ type: "dynamic", factor: "2" }),
      'rope_scaling.factor should be a positive number but is "2"',
    ],
    [
      scaled({ type: "linear", factor: 2, partial_rotary_factor: 0.5 }),
      "rope_scaling.partial_rotary_factor should be 1 but is 0.5",
    ],
    [
      scaled({ ...llama3, high_freq_factor: 1 }),
      "rope_scaling.high_freq_factor should be above low_freq_factor (1) but is 1",
    ],
    [
      scaled({ ...llama3, low_freq_factor: undefined }),
      "rope_scaling.low_freq_factor should be a positive number but is missing",
    ],
    [
      scaled({ type: "yarn" }),
      "rope_scaling.factor should be a positive number but is missing",
    ],
    [
      scaled({ type: "yarn", factor: 4, truncate: 0 }),
      "rope_scaling.truncate should be true or false but is 0",
    ],
    [
      scaled({ ...longrope, short_factor: [1, 1] }),
      "rope_scaling.short_factor should be a list of 4 but is a list of 2",
    ],
    [
      scaled({ ...longrope, long_factor: undefined }),
      "rope_scaling.long_factor should be a list of 4 but is missing",
    ],
    [
      scaled({ ...longrope, short_factor: [1, 1, 0, 1] }),
      "rope_scaling.short_factor[2] should be a positive number but is 0",
    ],
  ]);
});
