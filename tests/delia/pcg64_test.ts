import assert from "node:assert/strict";
import { makePcg64, permutation, seedSequence } from "../../src/delia/pcg64.ts";

// Made with numpy 2.4.6:
//   numpy.random.SeedSequence(seed).generate_state(8, numpy.uint32)
//   numpy.random.default_rng(seed).permutation(12)
const drawn: ReadonlyArray<readonly [number, ReadonlyArray<number>, ReadonlyArray<number>]> = [
  [
    0,
    [2968811710, 3677149159, 745650761, 2884920346, 2642120001, 549907821, 574372308, 742431198],
    [9, 2, 7, 4, 5, 11, 0, 3, 6, 10, 8, 1],
  ],
  [1, [
    1835504127,
    1731038949,
    1320224556,
    2330041505,
    321059914,
    1226144109,
    2879408573,
    3503041500,
  ], [8, 11, 4, 7, 5, 0, 1, 9, 2, 10, 6, 3]],
  [42, [
    3444837047,
    2669555309,
    2046530742,
    3581440988,
    1691623607,
    2099784219,
    1184028159,
    862288241,
  ], [0, 7, 6, 9, 11, 3, 5, 2, 4, 10, 1, 8]],
  [2024, [
    3345857025,
    1283921739,
    4213262152,
    4260695837,
    2075426088,
    1665085283,
    2147335092,
    4020372890,
  ], [5, 7, 10, 2, 3, 11, 0, 1, 4, 9, 6, 8]],
  [4294967296, [
    3964924996,
    1358922860,
    3894904162,
    2051610843,
    908995353,
    1006608236,
    2584106211,
    3182524243,
  ], [0, 7, 1, 11, 3, 10, 4, 6, 9, 8, 2, 5]],
  [1099511627781, [
    3767146251,
    3672381269,
    2127416108,
    2216012776,
    1267800272,
    623232436,
    865255123,
    1120041279,
  ], [9, 5, 1, 2, 8, 3, 0, 10, 7, 4, 6, 11]],
  [9007199254740991, [
    3367776697,
    1170575226,
    2422347966,
    3181658150,
    1605020015,
    1122250651,
    2290456265,
    2757758994,
  ], [10, 7, 0, 6, 3, 11, 9, 2, 8, 4, 1, 5]],
];

for (const [seed, state, order] of drawn) {
  Deno.test(`permutation() draws numpy's order from seed ${seed}`, () => {
    assert.deepEqual(seedSequence(seed, 8), state);
    assert.deepEqual([...permutation(12, seed)], order);
  });
}

Deno.test("permutation() draws numpy's order of 60 000", () => {
  const order = permutation(60_000, 42);
  assert.deepEqual([...order.subarray(0, 6)], [3493, 57546, 8815, 19332, 15566, 22963]);
  assert.deepEqual([...order.subarray(-6)], [46606, 34957, 4802, 5668, 22113, 9864]);
  // (p.astype(uint64) * arange(60000, dtype=uint64)).sum(), which any two swapped places change
  assert.equal(order.reduce((sum, index, i) => sum + index * i, 0), 53910790038945);
});

Deno.test("makePcg64() gives PCG64's raw words, low half first", () => {
  // numpy.random.PCG64(42).random_raw(3), split
  const { nextUint32 } = makePcg64(42);
  assert.deepEqual(Array.from({ length: 6 }, nextUint32), [
    383329928,
    3324115917,
    2811363265,
    1884968545,
    1859786276,
    3687649986,
  ]);
});

Deno.test("makePcg64() refuses what is no seed and no bound", () => {
  assert.throws(() => makePcg64(-1), /whole number from 0 but found -1/);
  assert.throws(() => makePcg64(0.5), /found 0.5/);
  assert.throws(() => makePcg64(1).nextBelow(0), /from 1 to 2\*\*32 but found 0/);
  assert.equal(makePcg64(1).nextBelow(1), 0);
});

Deno.test("permutation() of nothing and of one needs no draw", () => {
  assert.deepEqual([...permutation(0, 1)], []);
  assert.deepEqual([...permutation(1, 1)], [0]);
});
