import assert from "node:assert/strict";
import {
  l2Distance,
  meanMeasures,
  meanVector,
  measure,
  rankOf,
  specificityOf,
} from "../../src/evaluation/vector_distance.ts";
import { uniform } from "../support/numbers.ts";

Deno.test("measure() is what a hand computes, dimension by dimension", () => {
  const a = [100, -50, 3, 0, 0, 0, 0, 0, 0, 0];
  const b = [0, -50, 0, 4, 0, 0, 0, 0, 0, 0];
  // The differences are 100, 0, 3, −4; the largest dimensions are those of 100 and −50.
  assert.deepEqual(measure(a, b), {
    l2: Math.sqrt(10025),
    relativeL2: 2 * Math.sqrt(10025) / (Math.sqrt(12509) + Math.sqrt(2516)),
    cosine: 2500 / Math.sqrt(12509) / Math.sqrt(2516),
    l2WithoutTop2: 5,
    l2WithoutTop8: 0,
  });
});

Deno.test("measure() of a vector with itself is 0 and cosine 1, of opposites relative 2 and cosine −1", () => {
  const a = [3, 4];
  assert.deepEqual(measure(a, a), {
    ...{ l2: 0, relativeL2: 0, cosine: 1, l2WithoutTop2: 0, l2WithoutTop8: 0 },
  });
  const opposite = measure(a, [-3, -4]);
  assert.deepEqual([opposite.l2, opposite.relativeL2, opposite.cosine], [10, 2, -1]);
  const zero = measure([0, 0], [0, 0]);
  assert.deepEqual([zero.relativeL2, zero.cosine], [0, 0]);
  assert.throws(() => measure([1, 2], [1]), /Expected vectors of one length but found 2 and 1/);
});

/** The measures as an array library would write them: sort, mask, sum. */
const reference = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) => {
  const norm = (x: ReadonlyArray<number>) => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));
  const difference = a.map((v, i) => v - b[i]!);
  const bySize = a.map((v, i) => [Math.max(Math.abs(v), Math.abs(b[i]!)), i] as const)
    .toSorted(([x, i], [y, j]) => y - x || i - j).map(([, i]) => i);
  const without = (k: number) =>
    norm(difference.map((v, i) => bySize.slice(0, k).includes(i) ? 0 : v));
  return {
    l2: norm(difference),
    relativeL2: norm(difference) / ((norm(a) + norm(b)) / 2),
    cosine: a.reduce((sum, v, i) => sum + v * b[i]!, 0) / (norm(a) * norm(b)),
    l2WithoutTop2: without(2),
    l2WithoutTop8: without(8),
  };
};

Deno.test("measure() equals sort, mask and sum, with a few massive dimensions, for any length", () => {
  for (const length of [1, 2, 7, 8, 9, 64, 257]) {
    for (const seed of [1, 2, 3]) {
      const [a, b] = [0, 1].map((which) => {
        const values = [...uniform(length, 2 * seed + which)];
        values[(3 * seed) % length] = 900 + which;
        values[(5 * seed) % length]! *= 40;
        return values;
      }) as [number[], number[]];
      const [found, expected] = [measure(a, b), reference(a, b)];
      for (const name of Object.keys(expected) as ReadonlyArray<keyof typeof expected>) {
        const error = Math.abs(found[name] - expected[name]) / Math.max(1, expected[name]);
        assert.ok(error < 1e-12, `${name} of ${length}: ${found[name]}, ${expected[name]}`);
      }
    }
  }
});

Deno.test("measure() keeps what is small beside a massive dimension that is removed", () => {
  const a = [1e9, 0, ...new Array(8).fill(1e-3)];
  const { l2WithoutTop2 } = measure(a, new Array(10).fill(0));
  assert.ok(Math.abs(l2WithoutTop2 / (1e-3 * Math.sqrt(7 + 1)) - 1) < 0.1);
});

Deno.test("l2Distance() is the L2 of measure()", () => {
  const [a, b] = [uniform(33, 8), uniform(33, 9)];
  assert.ok(Math.abs(l2Distance(a, b) - measure(a, b).l2) < 1e-14);
});

Deno.test("specificityOf() is more than 0 in every measure where the word is nearer than controls", () => {
  const own = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  const near = measure(own, own.map((value, i) => value + 0.1 * (i % 3)));
  const far = [1, -1].map((sign) => measure(own, own.map((value, i) => value * (i % 2) * sign)));
  const specific = specificityOf(near, far);
  for (const value of Object.values(specific)) assert.ok(value > 0);
  assert.equal(specific.l2, (far[0]!.l2 + far[1]!.l2) / 2 - near.l2);
  assert.equal(specific.cosine, near.cosine - (far[0]!.cosine + far[1]!.cosine) / 2);
  assert.ok(Number.isNaN(specificityOf(near, []).l2));
});

Deno.test("rankOf() counts those strictly nearer, from 1", () => {
  assert.equal(rankOf(2, [3, 2, 1, 0.5]), 3);
  assert.equal(rankOf(2, []), 1);
});

Deno.test("meanMeasures() and meanVector() are means", () => {
  const pairs = [[1, 0], [3, 4]].map((vector) => measure(vector, [0, 0]));
  assert.equal(meanMeasures(pairs).l2, 3);
  assert.deepEqual([...meanVector([[1, 2], [3, 6]])], [2, 4]);
});
