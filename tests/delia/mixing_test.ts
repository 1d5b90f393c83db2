import assert from "node:assert/strict";
import type { MixedItem } from "../../src/delia/mixing.ts";
import { deliaMixing } from "../../src/delia/mixing/delia.ts";
import { downstreamOnly } from "../../src/delia/mixing/downstream_only.ts";
import { interleaveMixing } from "../../src/delia/mixing/interleave.ts";

const shown = (plan: ReadonlyArray<MixedItem>) =>
  plan.map(({ source, index }) => (source === "downstream" ? "t" : "v") + index).join(" ");

// The reference's recipe on indices, run with numpy 2.4.6; `order(n)` is
// `[int(i) for i in numpy.random.default_rng(seed).permutation(n)]`:
//   n1 = int(n2 * ratio); d = order(cache)[:n1] if n1 < cache else range(cache)
//   both = [("v", i) for i in d] + [("t", i) for i in range(n2)]; [both[i] for i in order(len(both))]
for (
  const [sizes, ratio, seed, expected] of [
    [{ downstream: 4, diverse: 20 }, 2.5, 42, "v6 v19 v0 v7 v15 t1 t3 t0 v10 v14 v12 t2 v9 v3"],
    [{ downstream: 3, diverse: 5 }, 2, 7, "v0 t1 t2 v2 v4 t0 v1 v3"], // one short
    [{ downstream: 3, diverse: 6 }, 2, 7, "t2 v0 t1 v1 v3 t0 v2 v4 v5"], // exactly enough
  ] as const
) {
  Deno.test(`deliaMixing() draws the reference's order of ${sizes.downstream} and ${sizes.diverse}`, () => {
    assert.equal(shown(deliaMixing({ diverseRatio: ratio }).plan(sizes, seed)), expected);
  });
}

Deno.test("deliaMixing() shows each downstream example once and no diverse example twice", () => {
  const plan = deliaMixing({ diverseRatio: 25 }).plan({ downstream: 100, diverse: 3000 }, 1);
  assert.equal(plan.length, 2600);
  assert.equal(new Set(plan.map(({ source, index }) => `${source} ${index}`)).size, 2600);
  assert.equal(plan.filter(({ source }) => source === "downstream").length, 100);
});

Deno.test("deliaMixing() without a ratio is the downstream data, shuffled", () => {
  for (const ratio of [0, -1]) {
    const mixing = deliaMixing({ diverseRatio: ratio });
    const plan = mixing.plan({ downstream: 10, diverse: 50 }, 42);
    assert.equal(shown(plan), "t5 t6 t0 t7 t3 t2 t4 t9 t1 t8");
    assert.equal(mixing.shortage({ downstream: 10, diverse: 0 }), 0);
  }
});

for (const mixing of [deliaMixing({ diverseRatio: 3 }), interleaveMixing({ diverseRatio: 3 })]) {
  Deno.test(`Mixing.shortage() of ${mixing.name} counts the diverse examples that are lacking`, () => {
    assert.equal(mixing.shortage({ downstream: 10, diverse: 30 }), 0);
    assert.equal(mixing.shortage({ downstream: 10, diverse: 22 }), 8);
    assert.equal(mixing.plan({ downstream: 10, diverse: 22 }, 5).length, 32);
  });
}

Deno.test("interleaveMixing() follows each downstream example with its diverse ones", () => {
  const plan = interleaveMixing({ diverseRatio: 2 }).plan({ downstream: 3, diverse: 12 }, 42);
  assert.equal(plan.map(({ source }) => source[1]).join(""), "oiioiioii");
  assert.equal(new Set(plan.map(({ source, index }) => source + index)).size, 9);
});

Deno.test("interleaveMixing() meets a ratio that is not whole on average", () => {
  const plan = interleaveMixing({ diverseRatio: 2.5 }).plan({ downstream: 4, diverse: 12 }, 42);
  assert.equal(plan.map(({ source }) => source[1]).join(""), "oiioiiioiioiii");
});

Deno.test("downstreamOnly is numpy's permutation, and another seed another order", () => {
  const sizes = { downstream: 10, diverse: 99 };
  assert.equal(shown(downstreamOnly.plan(sizes, 42)), "t5 t6 t0 t7 t3 t2 t4 t9 t1 t8");
  assert.notEqual(shown(downstreamOnly.plan(sizes, 43)), shown(downstreamOnly.plan(sizes, 42)));
});
