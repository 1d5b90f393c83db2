import assert from "node:assert/strict";
import { layerNormKernel } from "../../src/ops/layer_norm.ts";
import { rmsNormKernel } from "../../src/ops/rms_norm.ts";
import { withRowThreads } from "../../src/ops/row_threads.ts";

const threads = (software: boolean, cols: number): number | undefined =>
  withRowThreads(rmsNormKernel, { software, subgroupSize: 0 }, cols).constants?.["WG"];

Deno.test("withRowThreads() takes one vector's worth on a software adapter, more for long rows", () => {
  assert.equal(threads(true, 128), 8);
  assert.equal(threads(true, 131_072), 8);
  assert.equal(threads(true, 131_073), 128);
  assert.equal(threads(false, 128), 128);
});

Deno.test("withRowThreads() changes nothing but the threads", () => {
  const { constants: _, ...rest } = withRowThreads(
    rmsNormKernel,
    { software: true, subgroupSize: 0 },
    8,
  );
  assert.deepEqual(rest, rmsNormKernel);
});

Deno.test("withRowThreads() takes a subgroup a row where the kernel says how, the same kernel each time", () => {
  const on = { software: true, subgroupSize: 16 };
  const kernel = withRowThreads(rmsNormKernel, on, 128);
  assert.deepEqual(kernel.constants, { WG: 16, ROWS: 8 });
  assert.match(kernel.source, /subgroupAdd/);
  assert.doesNotMatch(kernel.source.replace(/\/\/.*/g, ""), /workgroupBarrier/);
  assert.equal(kernel.workgroups({ rows: 17, cols: 128, eps: 0 }), 3);
  assert.equal(withRowThreads(rmsNormKernel, on, 128), kernel);
  const narrow = withRowThreads(rmsNormKernel, { ...on, subgroupSize: 8 }, 128);
  assert.deepEqual(narrow.constants, { WG: 8, ROWS: 8 });
  assert.deepEqual(withRowThreads(layerNormKernel, on, 128).constants, { WG: 8 });
});
