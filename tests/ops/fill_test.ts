import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { fill } from "../../src/ops/fill.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";

for (const size of [1, 257, 4096]) {
  onGpu(
    `fill() sets every element of [${size}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const y = yield* gpu.upload(uniform(size, 1), [size]);
      yield* gpu.submit((pass) => fill(pass, y, -1.5));
      assert.deepEqual(yield* gpu.download(y), new Float32Array(size).fill(-1.5));
    }),
  );
}

onGpu(
  "fill() leaves alone what lies behind the tensor's window",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const all = yield* gpu.upload(new Uint32Array(70).fill(7), [70]);
    yield* gpu.submit((pass) => fill(pass, { ...all, shape: [3, 5] }, 0xffffffff));
    const expected = Uint32Array.from({ length: 70 }, (_, i) => i < 15 ? 0xffffffff : 7);
    assert.deepEqual(yield* gpu.downloadU32(all), expected);
  }),
);
