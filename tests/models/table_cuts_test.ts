import assert from "node:assert/strict";
import { tableCuts, wholeTable } from "../../src/models/table_cuts.ts";

const cut = (from: number, to: number, packable: boolean) => ({ from, to, packable });

Deno.test("tableCuts() leaves a table whole that fits one binding", () => {
  const options = { rows: 518, hidden: 8, shardBytes: 128 * 2 ** 20, claimed: [516, 517] };
  assert.deepEqual(tableCuts({ ...options, packed: false }), [cut(0, 518, false)]);
});

Deno.test("tableCuts() cuts at multiples of four rows that fit a binding", () => {
  // 47 rows of 32 bytes: four at a time, 44 fit.
  const cuts = tableCuts({ rows: 101, hidden: 8, shardBytes: 47 * 32, claimed: [], packed: true });
  assert.deepEqual(cuts, [cut(0, 44, true), cut(44, 88, true), cut(88, 101, true)]);
});

Deno.test("tableCuts() keeps claimed rows in f32 shards of their own where the rest is packed", () => {
  const options = { rows: 102, hidden: 8, shardBytes: 2 ** 20, packed: true };
  assert.deepEqual(tableCuts({ ...options, claimed: [5, 6, 100, 101] }), [
    cut(0, 4, true),
    cut(4, 8, false),
    cut(8, 100, true),
    cut(100, 102, false),
  ]);
  assert.deepEqual(tableCuts({ ...options, claimed: [0, 4] }), [
    cut(0, 4, false),
    cut(4, 8, false),
    cut(8, 102, true),
  ]);
});

Deno.test("wholeTable() is the table as the files have it", () => {
  assert.deepEqual(wholeTable({ vocab: 7 }), [cut(0, 7, false)]);
});
