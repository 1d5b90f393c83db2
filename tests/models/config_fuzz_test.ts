import assert from "node:assert/strict";
import { Cause, Effect, Exit } from "effect";
import type { ModelShape } from "../../src/models/architecture.ts";
import { ModelError } from "../../src/models/model_error.ts";
import { architectureOf } from "../../src/models/registry.ts";
import { publishedConfigs } from "./published_configs.ts";

type Config = Record<string, unknown>;

/** Seeded whole numbers below `below`. */
const randomBelow = (seed: number): (below: number) => number => {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
};

let deep: unknown = [];
for (let depth = 0; depth < 20_000; depth++) deep = depth % 2 ? [deep] : { deep };

// deno-fmt-ignore
const oddValues: ReadonlyArray<unknown> = [
  null, undefined, true, false, 0, -0, 1, 2, 3, 4, 7, -1, 0.5, 0.75, 1e-45, 1e-300, 1e9, 1e39, 1e300, 2 ** 24,
  2 ** 24 + 1, 2 ** 31, 2 ** 53, NaN, Infinity, -Infinity, "", "0", "NaN", "Infinity", "1e9", "null",
  "default", "linear", "dynamic", "llama3", "yarn", "longrope", "su", "full_attention",
  "sliding_attention", "chunked_attention", "constructor", "__proto__", "x".repeat(100_000), [], [[]],
  [1], [0, 1], Array(26).fill("sliding_attention"), Array(36).fill(1), Array(100_000).fill(0), {},
  { factor: 2 }, { type: "linear" }, { type: "linear", factor: 2 }, { rope_type: "dynamic", factor: -1 },
  { rope_type: "yarn", factor: 4 }, { type: "longrope", short_factor: [1], long_factor: [1] },
  { full_attention: { rope_type: "linear", factor: 8 }, sliding_attention: null },
  { toString: 1, valueOf: 1 }, { length: 26 }, deep,
];

const configs: ReadonlyArray<Config> = Object.values(publishedConfigs);
const fields = [...new Set(configs.flatMap((config) => Object.keys(config)))].concat(
  ["rope_parameters", "partial_rotary_factor", "original_max_position_embeddings", "num_experts"],
);
const settings = ["factor", "type", "rope_type", "rope_theta", "low_freq_factor", "short_factor"]
  .concat(["high_freq_factor", "original_max_position_embeddings", "attention_factor", "mscale"]);

/** A published configuration with one to four changes. */
const mutated = (below: (n: number) => number): Config => {
  const pick = <A>(items: ReadonlyArray<A>): A => items[below(items.length)]!;
  const config: Config = { ...pick(configs) };
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const field = pick(below(4) === 0 ? fields : Object.keys(config));
    switch (below(5)) {
      case 0:
        delete config[field];
        break;
      case 1:
        config[field] = pick(configs)[field];
        break;
      case 2: {
        const inside = config["rope_scaling"];
        const old = typeof inside === "object" ? inside : {};
        config["rope_scaling"] = { ...old, [pick(settings)]: pick(oddValues) };
        break;
      }
      default:
        config[field] = pick(oddValues);
    }
  }
  return config;
};

const whole = (value: number, most: number) =>
  Number.isInteger(value) && value > 0 && value <= most;
const held = (value: number) => value > 0 && Number.isFinite(Math.fround(value));

const assertSane = (shape: ModelShape): void => {
  const { vocab, hidden, intermediate, heads, kvHeads, maxPositions } = shape;
  for (const size of [vocab, hidden, intermediate, heads, kvHeads, maxPositions]) {
    assert.ok(whole(size, 2 ** 24), `a size of ${size}`);
  }
  assert.ok(heads % kvHeads === 0 && shape.headDim % 4 === 0 && whole(shape.headDim, 1024));
  assert.ok(whole(shape.layers, 1024));
  assert.equal(shape.layerRules.length, shape.layers);
  for (const { window, rotary } of shape.layerRules) {
    assert.ok(window === undefined || whole(window, 2 ** 24));
    if (!rotary) continue;
    const { inverseFrequencies, factor } = rotary;
    assert.ok(whole(inverseFrequencies.length, shape.headDim / 2));
    assert.ok(held(factor) && inverseFrequencies.every(Number.isFinite));
  }
  assert.ok(new Set(shape.layerRules.map(({ rotary }) => rotary)).size <= 2);
  const { normEps, attentionScale, embeddingScale, initializerRange } = shape;
  assert.ok([normEps, attentionScale, embeddingScale, initializerRange].every(held));
  assert.ok(held(shape.attentionSoftCap ?? 1) && held(shape.logitSoftCap ?? 1));
};

Deno.test("decode() gives a sane shape or a ModelError for 10,000 mutated configurations", () => {
  const below = randomBelow(42);
  const seen = { shapes: 0, refusals: new Set<string>() };
  for (let round = 0; round < 10_000; round++) {
    const config = mutated(below);
    const exit = Effect.runSyncExit(
      Effect.flatMap(architectureOf(config), (found) => found.decode(config)),
    );
    if (Exit.isSuccess(exit)) {
      seen.shapes++;
      assertSane(exit.value);
      continue;
    }
    const error = Cause.squash(exit.cause);
    assert.ok(error instanceof ModelError, `round ${round}: ${error}`);
    assert.ok(error.message.length < 400, error.message);
    seen.refusals.add(error.message.replace(/ but is .*/, ""));
  }
  assert.ok(seen.shapes > 1000, `${seen.shapes} shapes`);
  assert.ok(seen.refusals.size > 100, `${seen.refusals.size} kinds of refusals`);
});
