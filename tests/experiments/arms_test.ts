import assert from "node:assert/strict";
import { Effect } from "effect";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import { type Arm, arms, orderOf } from "../../src/experiments/arms.ts";

const config = await Effect.runPromise(resolveRunConfig({ preset: "fixture" }));
const sizes = { downstream: 100, diverse: 100 * config.mixing.diverseRatio };
const arm = (name: Arm["name"]): Arm => arms.find((it) => it.name === name)!;

Deno.test("orderOf() shows every downstream example once in one epoch of common tuning", () => {
  const order = orderOf(arm("common_one_epoch"), config, sizes, 1);
  assert.deepEqual(
    order.map(({ index }) => index).toSorted((a, b) => a - b),
    Array.from({ length: 100 }, (_, index) => index),
  );
  assert.ok(order.every(({ source }) => source === "downstream"));
});

Deno.test("orderOf() gives the matched arm as many full steps as DELIA takes", () => {
  const { batchSize } = config.training;
  const delia = orderOf(arm("delia"), config, sizes, 1);
  const matched = orderOf(arm("common_matched_steps"), config, sizes, 1);
  assert.equal(delia.length, 100 + sizes.diverse);
  assert.equal(matched.length, Math.ceil(delia.length / batchSize) * batchSize);
  assert.ok(matched.every(({ source }) => source === "downstream"));
});

Deno.test("orderOf() gives every epoch of the matched arm an order of its own", () => {
  const matched = orderOf(arm("common_matched_steps"), config, sizes, 1);
  const epoch = (n: number) => matched.slice(100 * n, 100 * (n + 1)).map(({ index }) => index);
  assert.notDeepEqual(epoch(0), epoch(1));
  assert.equal(new Set(epoch(1)).size, 100);
});

Deno.test("orderOf() mixes alike for one phrasing and for many: the arms differ by phrasing alone", () => {
  assert.deepEqual(
    orderOf(arm("one_phrasing_diverse"), config, sizes, 3),
    orderOf(arm("delia"), config, sizes, 3),
  );
});

Deno.test("orderOf() takes the number of steps from the config where it is given", () => {
  const training = { ...config.training, steps: 5 };
  for (const it of arms) {
    const order = orderOf(it, { ...config, training }, sizes, 1);
    assert.equal(order.length, 5 * training.batchSize, it.name);
  }
});
