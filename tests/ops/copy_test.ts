import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { copy } from "../../src/ops/copy.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";

for (const shape of [[1], [5, 63], [3, 4, 129]] as const) {
  onGpu(
    `copy() keeps shape and bits at [${shape}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const x = uniform(shape.reduce((a: number, b) => a * b, 1), 1);
      const onX = yield* gpu.upload(x, shape);
      const y = yield* gpu.submit((pass) => copy(pass, onX));
      assert.deepEqual(y.shape, shape);
      assert.deepEqual(yield* gpu.download(y), x);
    }),
  );
}

onGpu(
  "copy() folds more workgroups than one grid axis holds",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const x = Uint32Array.from({ length: 65_535 * 256 + 3 }, (_, i) => i);
    const onX = yield* gpu.upload(x, [x.length]);
    const y = yield* gpu.submit((pass) => copy(pass, onX));
    const bytes = Buffer.from((yield* gpu.downloadU32(y)).buffer);
    assert.ok(bytes.equals(new Uint8Array(x.buffer)));
  }),
);

onGpu(
  "copy() copies bits that are no number",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const x = Uint32Array.of(0xffffffff, 0, 0x7fc00001);
    const onX = yield* gpu.upload(x, [3]);
    const y = yield* gpu.submit((pass) => copy(pass, onX));
    assert.deepEqual(yield* gpu.downloadU32(y), x);
  }),
);
