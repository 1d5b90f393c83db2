import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { globalNorm, globalNormReference } from "../../src/ops/global_norm.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";

// One element; less than a block; blocks and a rest; several tensors.
for (const sizes of [[1], [63], [8192, 8193], [5, 300_001, 7]]) {
  onGpu(
    `globalNorm() matches its f64 reference over [${sizes}] elements`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const gradients = sizes.map((size, index) => uniform(size, index + 1));
      const onGpu = yield* Effect.forEach(gradients, (data) => gpu.upload(data, [data.length]));
      const expected = globalNormReference(gradients);
      const norm = yield* gpu.submit((pass) => globalNorm(pass, onGpu));
      const [actual] = yield* gpu.download(norm);
      assert.ok(Math.abs(actual! / expected - 1) < 1e-6, `${actual} for ${expected}`);
      const into = yield* gpu.allocate([1]);
      yield* gpu.submit((pass) => globalNorm(pass, onGpu, into));
      assert.equal((yield* gpu.download(into))[0], actual); // the same bits every time
    }),
  );
}
