import assert from "node:assert/strict";
import { benchLines } from "../../bench/run_benches.ts";
import { nameWithWork } from "../../bench/support/work.ts";

const place = { date: "2026-11-21", device: "a device", driver: null, commit: "abc" };
const times = { n: 10, min: 1e6, avg: 2e6, p75: 3e6, p99: 4e6 };
const linesOf = (name: string) =>
  benchLines({ runtime: "Deno", benches: [{ group: "g", name, results: [{ ok: times }] }] }, place);

Deno.test("benchLines() turns the work in a bench's name into rates at the mean time", () => {
  const [line] = linesOf(nameWithWork("step", { flops: 1e6, tokens: 4 }, 8));
  assert.deepEqual(line, {
    ...place,
    runtime: "Deno",
    group: "g",
    name: "step",
    runs: 10,
    mean_ms: 2,
    min_ms: 1,
    p75_ms: 3,
    gflop_s: 4,
    tokens_s: 16_000,
  });
});

Deno.test("benchLines() keeps a bench without work, and leaves out one that failed", () => {
  assert.deepEqual(linesOf("copy").map(({ name, gflop_s }) => [name, gflop_s]), [
    ["copy", undefined],
  ]);
  const failed = { group: null, name: "x", results: [{ failed: {} }] };
  assert.deepEqual(benchLines({ runtime: "Deno", benches: [failed] }, place), []);
});
