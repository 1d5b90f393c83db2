import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { accumulate, residualAdd, residualAddReference } from "../../src/ops/residual_add.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

// Below a workgroup, and no multiple of it.
for (const [rows, cols] of [[1, 4], [5, 63], [513, 257]] as const) {
  onGpu(
    `residualAdd() and accumulate() match their f64 reference at [${rows}, ${cols}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [x, delta] = [uniform(rows * cols, 1), uniform(rows * cols, 2)];
      const onX = yield* gpu.upload(x, [rows, cols]);
      const onDelta = yield* gpu.upload(delta, [rows, cols]);
      const y = yield* gpu.submit((pass) => residualAdd(pass, onX, onDelta));
      const expected = residualAddReference(x, delta);
      assert.ok(worst(yield* gpu.download(y), expected) < 1e-7);
      yield* gpu.submit((pass) => accumulate(pass, onX, onDelta));
      assert.ok(worst(yield* gpu.download(onX), expected) < 1e-7);
    }),
  );
}

onGpu(
  "residualAdd() refuses tensors of two sizes",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const wrong = gpu.submit((pass) => residualAdd(pass, pass.tensor([2, 8]), pass.tensor([2, 7])));
    const exit = yield* Effect.exit(wrong);
    assert.equal(exit._tag, "Failure");
  }),
);
