import assert from "node:assert/strict";
import { seedsOf, spreadOf, summarise } from "../../src/report/summary.ts";
import { sampleArm, sampleRun } from "./sample_run.ts";

Deno.test("spreadOf() gives mean, least and greatest of what is a number", () => {
  assert.deepEqual(spreadOf([1, 2, 6]), { mean: 3, min: 1, max: 6, count: 3 });
  assert.deepEqual(spreadOf([NaN, 2, null, undefined, 4]), { mean: 3, min: 2, max: 4, count: 2 });
  assert.equal(spreadOf([NaN, undefined, null]), undefined);
  assert.equal(spreadOf([]), undefined);
});

Deno.test("summarise() puts arms in the table's order and seeds in theirs", () => {
  const run = sampleRun(1);
  const arms = summarise({
    ...run,
    arms: [sampleArm("delia", 44), sampleArm("base", 43), sampleArm("delia", 42)],
  });
  assert.deepEqual(
    arms.map((arm) => [arm.name, arm.seeds.map(({ seed }) => seed)]),
    [["base", [43]], ["delia", [42, 44]]],
  );
});

Deno.test("summarise() averages a metric over the seeds that have it", () => {
  const [first, second] = [sampleArm("delia", 42), sampleArm("delia", 43)];
  const run = {
    ...sampleRun(1),
    arms: [
      { ...first, metrics: { selectivity: 1, l2_json_first: 4 } },
      { ...second, metrics: { selectivity: 2, t2_transfer: NaN } },
    ],
  };
  const [arm] = summarise(run);
  assert.deepEqual(arm?.metrics, {
    selectivity: { mean: 1.5, min: 1, max: 2, count: 2 },
    l2_json_first: { mean: 4, min: 4, max: 4, count: 1 },
  });
});

Deno.test("seedsOf() lists each seed once", () => {
  assert.deepEqual(seedsOf(sampleRun(3)), [42, 43, 44]);
});
