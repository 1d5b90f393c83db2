import assert from "node:assert/strict";
import { bySubgroups, saysSubgroups } from "../../src/gpu/by_subgroups.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";

const kernel: Kernel<"x", "rows"> = {
  name: "sum",
  source: `override WG: u32 = 64u; // threads
// by subgroups: override ROWS: u32 = 8u;
@compute @workgroup_size(WG) // by subgroups: @compute @workgroup_size(WG, ROWS)
  workgroupBarrier(); // by subgroups:
  let sum = total; // in fours: let sum = dot(total);
`,
  params: { rows: "u32" },
  bindings: { x: { access: "in", shape: ({ rows }) => [rows] } },
  workgroups: ({ rows }) => rows,
};

Deno.test("bySubgroups() puts the marked lines in place, and several rows in a workgroup", () => {
  const turned = bySubgroups(kernel, { lanes: 16, rows: 4 });
  assert.deepEqual(turned.source.split("\n").map((line) => line.trim()), [
    "override WG: u32 = 64u; // threads",
    "override ROWS: u32 = 8u;",
    "@compute @workgroup_size(WG, ROWS)",
    "",
    "let sum = total; // in fours: let sum = dot(total);",
    "",
  ]);
  assert.deepEqual(turned.constants, { WG: 16, ROWS: 4 });
  assert.deepEqual([1, 4, 5].map((rows) => turned.workgroups({ rows })), [1, 1, 2]);
});

Deno.test("bySubgroups() refuses a grid that is not a count of rows", () => {
  const square = bySubgroups({ ...kernel, workgroups: () => [2, 2] as never }, {
    lanes: 8,
    rows: 2,
  });
  assert.throws(() => square.workgroups({ rows: 1 }), /not a count of rows/);
});

Deno.test("saysSubgroups() tells kernels that say how", () => {
  assert.deepEqual([saysSubgroups(kernel), saysSubgroups({ source: "fn main() {}" })], [
    true,
    false,
  ]);
});
