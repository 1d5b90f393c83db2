import assert from "node:assert/strict";
import { comparePair } from "../../src/experiments/compare.ts";
import type { RecipeRecord } from "../../src/experiments/experiment.ts";
import { differenceOf, estimateOf } from "../../src/experiments/estimates.ts";

const record = (
  recipe: string,
  seed: number,
  items: Readonly<Record<string, ReadonlyArray<number>>>,
): RecipeRecord => {
  const rates = Object.entries(items).map(([name, values]) =>
    [name, values.reduce((sum, value) => sum + value, 0) / values.length] as const
  );
  const sum = rates.reduce((total, [, rate]) => total + rate, 0);
  return {
    ...{ recipe, seed, steps: 1, tokens: 1, supervisedTokens: 1, exposures: 1 },
    metrics: { ...Object.fromEntries(rates), selectivity: sum - 2 },
    items,
    curves: {},
    answers: [],
  };
};
const bits = (length: number, ones: number): ReadonlyArray<number> =>
  Array.from({ length }, (_, i) => i < ones ? 1 : 0);

Deno.test("estimateOf() gives a rate the interval of its items where there is one seed", () => {
  const one = [record("a", 1, { t1_held_out_phrasing: bits(200, 120) })];
  const { value, low, high } = estimateOf(one, "a", "t1_held_out_phrasing")!;
  assert.equal(value, 0.6);
  // The normal approximation: 0.6 ± 1.96 · √(0.6 · 0.4 / 200) = 0.532, 0.668.
  assert.ok(Math.abs(low! - 0.532) < 0.015 && Math.abs(high! - 0.668) < 0.015, `${low} ${high}`);
});

Deno.test("estimateOf() widens the interval where the seeds differ", () => {
  const seeds = [40, 90, 160].map((ones, seed) =>
    record("a", seed, { t1_held_out_phrasing: bits(200, ones) })
  );
  const { low, high } = estimateOf(seeds, "a", "t1_held_out_phrasing")!;
  assert.ok(low! < 0.3 && high! > 0.7, `${low} ${high}`);
});

Deno.test("estimateOf() draws the items of a sum's parts", () => {
  const one = [record("a", 1, {
    t1_held_out_phrasing: bits(100, 50),
    t2_transfer: bits(100, 100),
    t3_negation: bits(100, 100),
    t4_no_token: bits(100, 100),
  })];
  const { value, low, high } = estimateOf(one, "a", "selectivity")!;
  assert.equal(value, 1.5);
  assert.ok(low! > 1.35 && low! < 1.45 && high! > 1.55 && high! < 1.65, `${low} ${high}`);
});

Deno.test("differenceOf() pairs seeds and items: equal answers leave no doubt", () => {
  const items = { t1_held_out_phrasing: bits(50, 20) };
  const records = [record("a", 1, items), record("b", 1, items), record("a", 2, items)];
  assert.deepEqual(differenceOf(records, ["a", "b"], "t1_held_out_phrasing"), {
    value: 0,
    low: 0,
    high: 0,
  });
  assert.equal(differenceOf(records, ["a", "c"], "t1_held_out_phrasing"), undefined);
});

Deno.test("estimateOf() gives the same for the same records, and nothing for none", () => {
  const one = [record("a", 1, { t1_held_out_phrasing: bits(30, 11) })];
  const estimate = () => estimateOf(one, "a", "t1_held_out_phrasing");
  assert.deepEqual(estimate(), estimate());
  assert.equal(estimateOf(one, "b", "t1_held_out_phrasing"), undefined);
  assert.equal(estimateOf(one, "a", "nothing"), undefined);
});

Deno.test("comparePair() tells a claim from the interval, and nothing from one seed without items", () => {
  const items = (ones: number) => ({ t1_held_out_phrasing: bits(100, ones) });
  const records = [record("a", 1, items(90)), record("b", 1, items(40))];
  const compared = (pair: readonly [string, string], metric = "t1_held_out_phrasing") =>
    comparePair(records, { claim: "more", pair, metric }).verdict;
  assert.equal(compared(["a", "b"]), "holds");
  assert.equal(compared(["b", "a"]), "does not hold");
  assert.equal(compared(["a", "a"]), "cannot be told");
  assert.equal(compared(["a", "c"]), "cannot be told");
  const bare = records.map((it) => ({ ...it, metrics: { l2: it.metrics["selectivity"]! } }));
  const { verdict, text } = comparePair(bare, { claim: "more", pair: ["a", "b"], metric: "l2" });
  assert.equal(verdict, "cannot be told");
  assert.match(text, /one seed gives no interval/);
});
