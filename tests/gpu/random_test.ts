import assert from "node:assert/strict";
import { randomBits, randomNormal, randomUnit } from "../../src/gpu/random.ts";

Deno.test("randomBits() depends on each of its three arguments", () => {
  const drawn = [[1, 2, 3], [2, 2, 3], [1, 3, 3], [1, 2, 4]] as const;
  assert.equal(
    new Set(drawn.map(([seed, stream, at]) => randomBits(seed, stream, at))).size,
    drawn.length,
  );
});

Deno.test("randomUnit() fills [0, 1) evenly", () => {
  const buckets = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) buckets[Math.floor(randomUnit(7, 0, i) * 16)]!++;
  const chiSquare = buckets.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert.ok(chiSquare < 37.7, `chi square ${chiSquare}`); // p = 0.001 at 15 degrees of freedom
});

Deno.test("randomNormal() has mean 0 and variance 1", () => {
  const drawn = Array.from({ length: 20_000 }, (_, i) => randomNormal(3, 1, i));
  const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length;
  const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
  assert.ok(Math.abs(mean) < 0.03, `mean ${mean}`);
  assert.ok(Math.abs(variance - 1) < 0.04, `variance ${variance}`);
});
