import assert from "node:assert/strict";
import { firstDivergence, stateSpace } from "../../../src/evaluation/metrics/state_space.ts";

const near = (actual: number, expected: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) < 1e-12 * Math.max(1, Math.abs(expected)),
    `${what}: ${actual}`,
  );

Deno.test("stateSpace() has the values of a row worked out by hand", () => {
  // p = 1/2, 1/4, 1/8, 1/8: H = 7/4 ln 2.
  const logits = [0.5, 0.25, 0.125, 0.125].map((p) => Math.log(p) + 7);
  const { surprise, probability, rank, entropy, effectiveStates, nucleus } = stateSpace(logits, 2);
  near(surprise, Math.log(8), "S");
  near(probability, 1 / 8, "p");
  assert.equal(rank, 3); // 1/8 twice: neither is likelier than the other
  near(entropy, 1.75 * Math.LN2, "H");
  near(effectiveStates, 2 ** 1.75, "states");
  assert.equal(nucleus, 4);
  assert.equal(stateSpace(logits, 2, { nucleusMass: 0.5 }).nucleus, 1);
  assert.equal(stateSpace(logits, 2, { nucleusMass: 0.51 }).nucleus, 2);
  assert.equal(stateSpace(logits, 2, { nucleusMass: 0.75 }).nucleus, 2);
  assert.equal(stateSpace(logits, 0).rank, 1);
});

Deno.test("stateSpace() counts a mass that is reached up to rounding", () => {
  for (const count of [20, 40, 100, 1000]) {
    const { nucleus, effectiveStates } = stateSpace(new Float32Array(count), 0);
    assert.equal(nucleus, 0.95 * count);
    near(effectiveStates, count, "states");
  }
});

Deno.test("stateSpace() is stable where logits are far apart or far from 0", () => {
  for (const shift of [0, 1e4, -1e4]) {
    const { surprise, probability, entropy, effectiveStates, nucleus, rank } = stateSpace(
      [shift, shift - 2000, shift - 3000],
      1,
    );
    assert.deepEqual([surprise, probability, entropy, effectiveStates, nucleus, rank], [
      2000,
      0,
      0,
      1,
      1,
      2,
    ]);
  }
  // One in a million beside one: the gold's own p must not come from a difference of nearly 1 and 1.
  const { surprise } = stateSpace([0, -40], 0);
  assert.ok(surprise >= 0 && surprise < 1e-17);
  const impossible = stateSpace([0, -Infinity, 0], 1);
  assert.deepEqual([impossible.surprise, impossible.rank, impossible.nucleus], [Infinity, 3, 2]);
  near(impossible.entropy, Math.LN2, "H");
});

Deno.test("stateSpace() leaves unused rows of the head out", () => {
  assert.deepEqual(stateSpace([1, 2, 99], 0, { validVocab: 2 }), stateSpace([1, 2], 0));
});

Deno.test("stateSpace() refuses what is no row of logits", () => {
  assert.throws(() => stateSpace([0, 0], 2), /below 2 but found 2/);
  assert.throws(() => stateSpace([0, 0, 0], 2, { validVocab: 2 }), /below 2 but found 2/);
  assert.throws(() => stateSpace([0, NaN], 0), /logit NaN at 1/);
  assert.throws(() => stateSpace([Infinity, 0], 0), /logit Infinity at 0/);
  assert.throws(() => stateSpace([-Infinity], 0), /possible but found none/);
});

Deno.test("firstDivergence() is the first place that differs, an end included", () => {
  assert.equal(firstDivergence([1, 2, 3], [1, 2, 4]), 2);
  assert.equal(firstDivergence([1], [2]), 0);
  assert.equal(firstDivergence([1, 2], [1, 2, 3]), 2);
  assert.equal(firstDivergence([1, 2], new Uint32Array([1])), 1);
  assert.equal(firstDivergence([], []), undefined);
  assert.equal(firstDivergence([1, 2], [1, 2]), undefined);
});
