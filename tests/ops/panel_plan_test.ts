import assert from "node:assert/strict";
import { panelsFor, planPanels } from "../../src/ops/panel_plan.ts";

Deno.test("planPanels() cuts a product into whole panels and rows that all workgroups share", () => {
  const plan = (rows: number, depth: number, cols: number, cores = 2) =>
    planPanels(64, { subgroupSize: 8, cores }, { rows, depth, cols });
  assert.deepEqual(plan(512, 128, 128), { height: 256, stretches: [[0, 128]] });
  assert.equal(plan(512, 128, 128, 8).height, 64);
  assert.equal(plan(512, 128, 128, 64).height, 52);
  assert.deepEqual(plan(512, 128, 1024), { height: 512, stretches: [[0, 128]] });
  assert.deepEqual(plan(64, 128, 64), { height: 64, stretches: [[0, 128]] });
  const { height, stretches } = plan(256, 49_152, 576);
  let at = 0;
  for (const [from, to] of stretches) {
    assert.equal(from, at);
    assert.equal(to % 64, 0);
    assert.ok((to - from) / 64 * (1 + 64 + 128 + 3 * height) < 65_535 - 700);
    at = to;
  }
  assert.equal(at, 49_152);
});

Deno.test("panelsFor() takes deeper panels of large weights", () => {
  const depthFor = (depth: number, cols: number) =>
    panelsFor((own) => depth % own === 0, 8, { rows: 512, depth, cols })?.depth;
  assert.equal(depthFor(128, 1024), 64);
  assert.equal(depthFor(160, 640), 32);
  assert.equal(depthFor(576, 576), 96);
  assert.equal(depthFor(512, 512), 128);
  assert.equal(depthFor(320, 1024), 64);
  assert.equal(depthFor(100, 640), undefined);
});

Deno.test("panelsFor() counts the columns that nobody reads", () => {
  const costOf = (cols: number) =>
    panelsFor((own) => own === 64, 8, { rows: 100, depth: 64, cols })?.cost;
  assert.equal(costOf(16), costOf(64));
  assert.equal(costOf(65), costOf(128));
});
