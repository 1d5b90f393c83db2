import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { cacheAppend, cacheAppendReference } from "../../src/ops/cache_append.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";

const [batch, maxLength] = [4, 70];

for (const rows of [1, 5, 63, 257]) {
  for (
    const dims of [
      { heads: 4, kvHeads: 2, headDim: 6 },
      { heads: 3, kvHeads: 3, headDim: 32 },
    ]
  ) {
    onGpu(
      `cacheAppend() writes ${rows} rows of ${dims.kvHeads} key heads of ${dims.headDim} ` +
        `and leaves the rest of the cache`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        const cols = dims.kvHeads * dims.headDim;
        const qkv = uniform(rows * qkvCols(dims), 1);
        // Five sequences of which the cache knows four, and positions that run past its length.
        const sequences = Uint32Array.from({ length: rows }, (_, row) => row % 5);
        const positions = Uint32Array.from({ length: rows }, (_, row) => 2 * Math.floor(row / 5));
        const [keys, values] = [2, 3].map((seed) => uniform(batch * maxLength * cols, seed));
        const onKeys = yield* gpu.upload(keys!, [batch, maxLength, cols]);
        const onValues = yield* gpu.upload(values!, [batch, maxLength, cols]);
        const onQkv = yield* gpu.upload(qkv, [rows, qkvCols(dims)]);
        const onSequences = yield* gpu.upload(sequences, [rows]);
        const onPositions = yield* gpu.upload(positions, [rows]);
        yield* gpu.submit((pass) =>
          cacheAppend(pass, onQkv, onSequences, onPositions, onKeys, onValues, dims)
        );
        const sizes = { ...dims, batch, maxLength };
        cacheAppendReference(qkv, sequences, positions, keys!, values!, sizes);
        assert.deepEqual(yield* gpu.download(onKeys), keys);
        assert.deepEqual(yield* gpu.download(onValues), values);
      }),
    );
  }
}
