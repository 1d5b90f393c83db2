import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { softCap, softCapReference } from "../../src/ops/soft_cap.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

// Below a workgroup, no multiple of it, and more rows than one grid axis holds.
for (const [rows, cols] of [[1, 1], [5, 63], [33, 257], [65_537, 3]] as const) {
  onGpu(
    `softCap() matches its f64 reference at [${rows}, ${cols}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const logits = uniform(rows * cols, 1).map((value) => value * 90);
      const onLogits = yield* gpu.upload(logits, [rows, cols]);
      yield* gpu.submit((pass) => softCap(folded(pass, 3), onLogits, 30));
      const error = worst(yield* gpu.download(onLogits), softCapReference(logits, 30));
      assert.ok(error < 1e-6, `worst error ${error}`);
    }),
  );
}

onGpu(
  "softCap() is as exact for logits of any size, each beside itself",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const cap = 50;
    const sizes = [1e-20, 1e-3, 1, 5, 14.9, 15.1, 20, 49, 200, 501, 1e5, 3e38];
    const logits = Float32Array.from([...sizes, ...sizes.map((size) => -size), 0]);
    const onLogits = yield* gpu.upload(logits, [logits.length]);
    yield* gpu.submit((pass) => softCap(pass, onLogits, cap));
    const actual = yield* gpu.download(onLogits);
    softCapReference(logits, cap).forEach((value, i) => {
      const error = worst([actual[i]!], [value]);
      assert.ok(error < 1e-6, `${logits[i]}: error ${error}`);
    });
  }),
);

onGpu(
  "softCap() refuses a cap that is not above 0",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    yield* gpu.submit((pass) => {
      const message = "Expected cap to be above 0 but found 0";
      assert.throws(() => softCap(pass, pass.tensor([1]), 0), { name: "RangeError", message });
    });
  }),
);
