import assert from "node:assert/strict";
import { isPattern, matchPattern } from "../../src/weights/peft_patterns.ts";

// Expected values: what PEFT 0.21.2 gave two layers of q_proj and v_proj under these patterns.
const q = (layer: number): string => `model.layers.${layer}.self_attn.q_proj`;
const v = (layer: number): string => `model.layers.${layer}.self_attn.v_proj`;

Deno.test("matchPattern() takes names, paths and expressions, the first that matches", () => {
  const named = { v_proj: 3, [q(1)]: 5, q_proj: 9 };
  const values = [q(0), q(1), v(0), v(1)].map((path) => matchPattern(named, path));
  assert.deepEqual(values, [9, 5, 3, 3]);
  assert.equal(matchPattern({ "^model.layers.1.self_attn.q_proj": 5 }, q(1)), 5);
  assert.equal(matchPattern({ "^model.layers.1.self_attn.q_proj": 5 }, q(0)), undefined);
  assert.equal(matchPattern({ ".*\\.0\\..*q_proj": 9 }, q(0)), 9);
  assert.equal(matchPattern({ ".*\\.0\\..*q_proj": 9 }, q(1)), undefined);
});

Deno.test("matchPattern() matches whole names only", () => {
  assert.equal(matchPattern({ proj: 1, q_pro: 2, layers: 3 }, q(0)), undefined);
  assert.equal(matchPattern({ "layers.1.self_attn.q_proj": 1 }, q(11)), undefined);
});

Deno.test("isPattern() refuses what Python reads differently or what may never end", () => {
  for (const pattern of ["q_proj", q(1), "^model.*", "(q|v)_proj", "(?:q|v)_proj", "q{1}_proj"]) {
    assert.ok(isPattern(pattern), pattern);
  }
  for (const pattern of ["(a+)+", "(a|a)*", "(a){2,}", "(?P<x>a)", "(?i)a", "a(", "[", "*"]) {
    assert.ok(!isPattern(pattern), pattern);
  }
});
