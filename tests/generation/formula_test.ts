import assert from "node:assert/strict";
import {
  context,
  contextsOf,
  type Formula,
  intersection,
  minus,
  plus,
  programOf,
  times,
  union,
  weightOf,
} from "../../src/generation/formula.ts";
import { logitArithmeticReference } from "../../src/ops/logit_arithmetic.ts";
import { worst } from "../support/on_gpu.ts";

const [m, json, plain] = [context("m"), context("json"), context("plain")];

// Probabilities of three tokens; their logarithms are logits whose softmax they are.
const probabilities: Readonly<Record<string, ReadonlyArray<number>>> = {
  m: [0.5, 0.25, 0.25],
  json: [0.125, 0.75, 0.125],
  plain: [0.8, 0.1, 0.1],
};

const scores = (formula: Formula): Float64Array =>
  logitArithmeticReference(
    contextsOf(formula).map((name) => probabilities[name]!.map(Math.log)),
    programOf(formula),
  );

const isNear = (formula: Formula, expected: ReadonlyArray<number>): void => {
  const error = worst(scores(formula), expected.map(Math.log));
  assert.ok(error < 1e-12, `worst error ${error}`);
};

Deno.test("programOf() computes sums, unions and intersections of numbers done by hand", () => {
  isNear(m, [0.5, 0.25, 0.25]);
  // √(p q)
  isNear(plus(m, json), [Math.sqrt(0.0625), Math.sqrt(0.1875), Math.sqrt(0.03125)]);
  // p (q / p)²: q² / p
  isNear(plus(m, times(2, minus(json, m))), [0.03125, 2.25, 0.0625]);
  isNear(union(m, json), [0.5, 0.75, 0.25]);
  isNear(intersection(m, json), [0.125, 0.25, 0.125]);
  // (p · max(p, q))^½
  isNear(plus(m, union(json, m)), [0.5, Math.sqrt(0.1875), 0.25]);
  // (q / s^0.6)^(1 / 0.4)
  isNear(
    minus(json, times(0.6, plain)),
    [[0.125, 0.8], [0.75, 0.1], [0.125, 0.1]].map(([q, s]) => (q! / s! ** 0.6) ** 2.5),
  );
  // Each side of a union is divided by its own weight.
  isNear(union(times(3, m), intersection(json, plain)), [0.5, 0.25, 0.25]);
});

Deno.test("programOf() at weight 0 is the other part to the last bit", () => {
  assert.deepEqual(scores(plus(m, times(0, minus(json, m)))), scores(m));
});

Deno.test("contextsOf() and weightOf() count each context once and each weight", () => {
  const formula = plus(m, times(0.5, union(minus(times(2, json), m), plain)));
  assert.deepEqual(contextsOf(formula), ["m", "json", "plain"]);
  assert.equal(weightOf(formula), 1.5);
  assert.equal(weightOf(minus(m, json)), 0);
});

Deno.test("programOf() refuses what it would have to divide by 0 or less", () => {
  const message = /weight above 0 but found/;
  assert.throws(() => programOf(minus(m, json)), message);
  assert.throws(() => programOf(minus(m, times(1.2, json))), message);
  assert.throws(() => programOf(plus(m, union(m, minus(json, plain)))), message);
});
