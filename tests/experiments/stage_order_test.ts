import assert from "node:assert/strict";
import { Effect } from "effect";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import { permutation } from "../../src/delia/pcg64.ts";
import { arms } from "../../src/experiments/arms.ts";
import type { Stage } from "../../src/experiments/recipe.ts";
import { orderOfStage, type StageSizes } from "../../src/experiments/stage_order.ts";

const config = await Effect.runPromise(resolveRunConfig({ preset: "fixture" }));
const sizes: StageSizes = {
  downstream: 100,
  diverse: 100 * config.mixing.diverseRatio,
  facts: 40,
};
const order = (stage: Stage, seed = 1, settings: typeof config = config, position = 0) =>
  orderOfStage(stage, settings, sizes, seed, position);
const common: Stage = { data: "downstream", length: "epoch" };
const matched: Stage = { data: "downstream", length: "matched_steps" };
const mixed: Stage = { data: "mixed", length: "epoch" };
const sources = (stage: Stage) =>
  Object.fromEntries(["downstream", "diverse", "facts"].map((source) => [
    source,
    order(stage).filter((item) => item.source === source).length,
  ]));

Deno.test("orderOfStage() shows every downstream example once in one epoch of common tuning", () => {
  const shown = order(common);
  assert.deepEqual(
    shown.map(({ index }) => index).toSorted((a, b) => a - b),
    Array.from({ length: 100 }, (_, index) => index),
  );
  assert.ok(shown.every(({ source }) => source === "downstream"));
});

Deno.test("orderOfStage() gives a matched stage as many full steps as the mix takes", () => {
  const { batchSize } = config.training;
  assert.equal(order(mixed).length, 100 + sizes.diverse);
  assert.equal(
    order(matched).length,
    Math.ceil(order(mixed).length / batchSize) * batchSize,
  );
  assert.ok(order(matched).every(({ source }) => source === "downstream"));
});

Deno.test("orderOfStage() gives every epoch of a matched stage an order of its own", () => {
  const epoch = (n: number) =>
    order(matched).slice(100 * n, 100 * (n + 1)).map(({ index }) => index);
  assert.notDeepEqual(epoch(0), epoch(1));
  assert.equal(new Set(epoch(1)).size, 100);
});

Deno.test("orderOfStage() begins with numpy's permutation of the shuffle's seed plus the run's", () => {
  assert.deepEqual(
    order(common, 43).map(({ index }) => index),
    [...permutation(100, config.mixing.shuffleSeed + 43)],
  );
});

Deno.test("orderOfStage() draws every epoch of every seed and stage in an order of its own", () => {
  const [seeds, stages, epochs] = [[42, 43, 44, 45, 46], [0, 1, 2], 13];
  const training = { ...config.training, epochs };
  for (const stage of [common, mixed]) {
    const orders = seeds.flatMap((seed) =>
      stages.flatMap((position) => {
        const shown = order(stage, seed, { ...config, training }, position);
        const length = shown.length / epochs;
        return Array.from(
          { length: epochs },
          (_, epoch) => JSON.stringify(shown.slice(epoch * length, (epoch + 1) * length)),
        );
      })
    );
    assert.equal(new Set(orders).size, seeds.length * stages.length * epochs, stage.data);
  }
});

Deno.test("orderOfStage() matches exposures by whole epochs", () => {
  assert.equal(order({ ...common, length: "matched_exposures", exposures: 3 }).length, 300);
});

Deno.test("orderOfStage() takes the ratio of the stage, and the kinds of data that it names", () => {
  assert.deepEqual(sources({ ...mixed, diverseRatio: 2.5 }), {
    downstream: 100,
    diverse: 250,
    facts: 0,
  });
  assert.deepEqual(sources({ data: "facts", length: "epoch" }), {
    downstream: 0,
    diverse: 0,
    facts: 40,
  });
  assert.deepEqual(sources({ data: "facts_and_downstream", length: "epoch" }), {
    downstream: 100,
    diverse: 0,
    facts: 40,
  });
  const share: Stage = { data: "diverse_and_share", length: "epoch", share: 1 / 256 };
  assert.deepEqual(sources(share), { downstream: 1, diverse: sizes.diverse, facts: 0 });
});

Deno.test("orderOfStage() shows what is muted in the order of what is not", () => {
  assert.deepEqual(order({ ...mixed, muteDiverse: true }), order(mixed));
});

Deno.test("orderOfStage() takes the number of steps from the config where it is given", () => {
  const training = { ...config.training, steps: 5 };
  for (const { name, stages } of arms) {
    const shown = order(stages[0]!, 1, { ...config, training });
    assert.equal(shown.length, 5 * training.batchSize, name);
  }
});
