import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { sumInto, sumReference } from "../../src/ops/reduce_sum.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";

for (const size of [1, 7, 129, 10_001, 600_000]) {
  onGpu(
    `sumInto() writes and adds the sum of [${size}] to one slot`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const x = uniform(size, 1).map((value) => value + 2);
      const onX = yield* gpu.upload(x, [1, size]);
      const ring = yield* gpu.upload(Float32Array.of(5, 6, 7), [3]);
      yield* gpu.submit((pass) => {
        sumInto(pass, onX, ring, 1);
        sumInto(pass, onX, ring, 2, true);
      });
      const [untouched, written, added] = yield* gpu.download(ring);
      const sum = sumReference(x);
      assert.equal(untouched, 5);
      assert.ok(Math.abs(written! / sum - 1) < 1e-6, `${written} for ${sum}`);
      assert.ok(Math.abs(added! / (sum + 7) - 1) < 1e-6, `${added} for ${sum + 7}`);
    }),
  );
}

onGpu(
  "sumInto() refuses a slot outside the ring",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const ring = yield* gpu.upload(Float32Array.of(5), [1]);
    const exit = yield* Effect.exit(gpu.submit((pass) => sumInto(pass, ring, ring, 1)));
    assert.equal(exit._tag, "Failure");
  }),
);
