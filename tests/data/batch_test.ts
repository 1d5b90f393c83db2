import assert from "node:assert/strict";
import { IGNORE, pack } from "../../src/data/batch.ts";

const two = [
  { ids: [1, 5, 7, 2], supervised: [false, false, true, true] },
  { ids: [9, 8, 2], supervised: [true, false, true] },
];

Deno.test("pack() lays examples one after another and shifts labels by one row", () => {
  const batch = pack(two);
  assert.deepEqual([...batch.tokens], [1, 5, 7, 2, 9, 8, 2]);
  assert.deepEqual([...batch.positions], [0, 1, 2, 3, 0, 1, 2]);
  assert.deepEqual([...batch.starts], [0, 0, 0, 0, 4, 4, 4]);
  assert.deepEqual([...batch.ends], [4, 4, 4, 4, 7, 7, 7]);
  // The last row of a sequence predicts nothing, least of all the first token of the next one.
  assert.deepEqual([...batch.targets], [IGNORE, 7, 2, IGNORE, IGNORE, 2, IGNORE]);
  assert.equal(batch.supervisedTokens, 3);
  assert.deepEqual([batch.rows, batch.usedRows, batch.sequences], [7, 7, 2]);
});

Deno.test("pack() fills up to the row multiple with ignored sequences of length 1", () => {
  const batch = pack(two, 5);
  assert.equal(batch.rows, 10);
  assert.deepEqual([...batch.starts.slice(7)], [7, 8, 9]);
  assert.deepEqual([...batch.ends.slice(7)], [8, 9, 10]);
  assert.deepEqual([...batch.positions.slice(7)], [0, 0, 0]);
  assert.deepEqual([...batch.targets.slice(7)], [IGNORE, IGNORE, IGNORE]);
  assert.deepEqual([batch.usedRows, batch.sequences, batch.supervisedTokens], [7, 2, 3]);
});

Deno.test("pack() counts the labels of a muted example and gives them no target", () => {
  const batch = pack([{ ...two[0]!, muted: true }, two[1]!]);
  assert.deepEqual([...batch.targets].filter((id) => id !== IGNORE), [2]);
  assert.equal(batch.supervisedTokens, 3);
});

Deno.test("pack() gives each row the weight of the token that it predicts", () => {
  const batch = pack([{ ...two[0]!, weights: [9, 9, 0.25, 2] }, two[1]!], 8);
  assert.deepEqual([...batch.weights!], [1, 0.25, 2, 1, 1, 1, 1, 1]);
  assert.deepEqual([batch.supervisedTokens, batch.lossWeight], [3, 3.25]);
  assert.deepEqual([pack(two).weights, pack(two).lossWeight], [undefined, 3]);
});

Deno.test("pack() marks the rows of an anchored example that have a next token", () => {
  const batch = pack([two[0]!, { ...two[1]!, anchored: true }], 8);
  assert.deepEqual([...batch.anchored!], [0, 0, 0, 0, 1, 1, 0, 0]);
  assert.equal(batch.anchoredTokens, 2);
  assert.deepEqual([pack(two).anchored, pack(two).anchoredTokens], [undefined, 0]);
});
