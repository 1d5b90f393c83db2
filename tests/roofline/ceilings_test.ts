import assert from "node:assert/strict";
import { Effect } from "effect";
import { openGpu } from "../../src/gpu/gpu.ts";
import { measureCeilings } from "../../src/roofline/ceilings.ts";

Deno.test("measureCeilings() finds rates that a machine can have", async () => {
  const gpu = await openGpu({ profiled: true });
  try {
    if (!gpu.adapter.timestamps) return assert.rejects(Effect.runPromise(measureCeilings(gpu)));
    const { flops, bytes } = await Effect.runPromise(measureCeilings(gpu));
    assert.ok(flops > 1e8 && flops < 1e16, `${flops} operations a second`);
    assert.ok(bytes > 1e7 && bytes < 1e14, `${bytes} bytes a second`);
  } finally {
    await Effect.runPromise(gpu.finish);
    gpu.close();
  }
});
