import assert from "node:assert/strict";
import type { Row } from "../../src/generation/row.ts";
import { inTurn, placesOf } from "../../src/generation/step_places.ts";
import { promptTokens } from "../../src/models/memory_plan.ts";

const rowOf = (slot: number, prompt: ReadonlyArray<number>, ids: number[] = []): Row => ({
  ...{ index: slot, slot, ids, logProbabilities: ids.map(() => 0) },
  prompt: { ids: prompt, seed: 10 + slot },
});

Deno.test("placesOf() puts prompts without their last token before the newest token of each row", () => {
  const admitted = [rowOf(4, [21, 22, 23]), rowOf(0, [31]), rowOf(2, [41, 42])];
  const open = [rowOf(3, [11, 12], [13, 14]), ...admitted];
  const columns = placesOf(admitted, open, 5);
  assert.deepEqual([columns.starts.length, columns.seeds.length], [32, 4]);
  const from = (name: keyof typeof columns, start: number, end?: number) =>
    Array.from(columns[name]).slice(start, end);
  assert.deepEqual(from("tokens", 0, 3), [21, 22, 41]);
  assert.deepEqual(from("positions", 0, 3), [0, 1, 0]);
  assert.deepEqual(from("starts", 0, 3), [0, 0, 2]);
  assert.deepEqual(from("slots", 0, 3), [4, 4, 2]);
  assert.deepEqual(new Set(from("slots", 3, 32)), new Set([5]), "filler rows belong to no slot");
  assert.deepEqual(from("tokens", 32), [14, 23, 31, 42]);
  assert.deepEqual(from("positions", 32), [3, 2, 0, 1]);
  assert.deepEqual(from("slots", 32), [3, 4, 0, 2]);
  assert.deepEqual(from("wanted", 0), [32, 33, 34, 35]);
  assert.deepEqual(from("openSlots", 0), [3, 4, 0, 2]);
  assert.deepEqual(from("lengths", 0), [4, 3, 1, 2]);
  assert.deepEqual(from("seeds", 0), [13, 14, 10, 12]);
  assert.deepEqual(from("drawn", 0), [2, 0, 0, 0]);
});

Deno.test("inTurn() reads as many prompts at once as may be, and a longer one alone", () => {
  const half = Array.from({ length: promptTokens / 2 + 1 }, () => 7);
  const long = Array.from({ length: promptTokens + 10 }, () => 7);
  const rows = [half, half, [7], half, long, [7, 7]].map((prompt, slot) => rowOf(slot, prompt));
  const turns = inTurn(rows).map((turn) => turn.map(({ slot }) => slot));
  assert.deepEqual(
    turns,
    [[0, 1], [3], [4], [5]],
    "half a submission each: all but the last token",
  );
});
