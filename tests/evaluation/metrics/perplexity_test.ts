import assert from "node:assert/strict";
import { perplexity } from "../../../src/evaluation/metrics/perplexity.ts";

Deno.test("perplexity weighs tokens, not items", () => {
  const losses = [
    { sum: 3 * Math.log(2), supervisedTokens: 3 },
    { sum: Math.log(32), supervisedTokens: 1 },
    { sum: 0, supervisedTokens: 0 },
  ];
  const { value, items } = perplexity.score(losses);
  assert.ok(Math.abs(value - 4) < 1e-12); // (3 ln 2 + 5 ln 2) / 4 tokens
  assert.ok(Math.abs(items[0]! - 2) < 1e-12 && Math.abs(items[1]! - 32) < 1e-12);
  assert.ok(Number.isNaN(items[2]));
  assert.ok(Number.isNaN(perplexity.score([]).value));
});
