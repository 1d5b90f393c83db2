import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { attention } from "../../src/ops/attention.ts";
import { cacheAppend } from "../../src/ops/cache_append.ts";
import {
  cachedAttention,
  cachedAttentionKernel,
  cachedAttentionReference,
} from "../../src/ops/cached_attention.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { ragged } from "../support/ragged.ts";

const shapes = [
  [[1], 1, { heads: 4, kvHeads: 4, headDim: 8 }],
  [[5, 0, 8, 63], 63, { heads: 8, kvHeads: 2, headDim: 32 }],
  [[20, 9, 17], 40, { heads: 6, kvHeads: 3, headDim: 20 }],
  [[257], 300, { heads: 2, kvHeads: 1, headDim: 64 }],
] as const;

for (const [lengths, maxLength, dims] of shapes) {
  const { heads, kvHeads, headDim } = dims;
  onGpu(
    `cachedAttention() matches its f64 reference for ${lengths} of ${maxLength} entries, ` +
      `${heads}/${kvHeads} heads of ${headDim}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const batch = lengths.length;
      const size = batch * maxLength * kvHeads * headDim;
      const qkv = uniform(batch * qkvCols(dims), 1).map((value) => value * 3);
      const [keys, values] = [uniform(size, 2), uniform(size, 3)];
      const onQkv = yield* gpu.upload(qkv, [batch, qkvCols(dims)]);
      const onKeys = yield* gpu.upload(keys, [batch, maxLength, kvHeads * headDim]);
      const onValues = yield* gpu.upload(values, [batch, maxLength, kvHeads * headDim]);
      const onLengths = yield* gpu.upload(Uint32Array.from(lengths), [batch]);
      const y = yield* gpu.submit((pass) =>
        cachedAttention(pass, onQkv, onKeys, onValues, onLengths, dims)
      );
      const expected = cachedAttentionReference(qkv, keys, values, lengths, dims);
      const error = worst(yield* gpu.download(y), expected);
      assert.ok(error < 2e-6, `y: worst error ${error}`);
      // What other adapters run.
      const params = { batch, ...dims, maxLength, scale: 1 / Math.sqrt(headDim) };
      const tensors = { qkv: onQkv, keys: onKeys, values: onValues, lengths: onLengths, y };
      yield* gpu.submit((pass) => pass.dispatch(cachedAttentionKernel(dims, 32), params, tensors));
      const wideError = worst(yield* gpu.download(y), expected);
      assert.ok(wideError < 2e-6, `y with 32 threads: worst error ${wideError}`);
    }),
  );
}

onGpu(
  "cachedAttention() equals the last row of attention()",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const dims = { heads: 4, kvHeads: 2, headDim: 16 };
    const [lengths, maxLength] = [[5, 19, 8], 24];
    const { rows, starts, positions, ends } = ragged(lengths);
    const cols = qkvCols(dims);
    const qkv = uniform(rows * cols, 1);
    const last = [...new Set(ends)].flatMap((end) => [...qkv.slice((end - 1) * cols, end * cols)]);
    const sequences = starts.map((start) => [...new Set(starts)].indexOf(start));
    const onQkv = yield* gpu.upload(qkv, [rows, cols]);
    const onLast = yield* gpu.upload(Float32Array.from(last), [3, cols]);
    const onStarts = yield* gpu.upload(starts, [rows]);
    const onSequences = yield* gpu.upload(sequences, [rows]);
    const onPositions = yield* gpu.upload(positions, [rows]);
    const onLengths = yield* gpu.upload(Uint32Array.from(lengths), [3]);
    const { whole, cached } = yield* gpu.submit((pass) => {
      const [keys, values] = [pass.tensor([3, maxLength, 32]), pass.tensor([3, maxLength, 32])];
      cacheAppend(pass, onQkv, onSequences, onPositions, keys, values, dims);
      return {
        whole: attention(pass, onQkv, onStarts, dims).y,
        cached: cachedAttention(pass, onLast, keys, values, onLengths, dims),
      };
    });
    const y = yield* gpu.download(whole);
    const expected = [...new Set(ends)].flatMap((end) => [...y.slice((end - 1) * 64, end * 64)]);
    const error = worst(yield* gpu.download(cached), expected);
    assert.ok(error < 1e-6, `worst error ${error}`);
  }),
);
