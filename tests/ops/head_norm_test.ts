import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import {
  headNorm,
  headNormBackward,
  headNormBackwardReference,
  headNormReference,
} from "../../src/ops/head_norm.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const eps = 1e-3; // large enough that a kernel without it is found out

// Heads below a workgroup, no multiple of it, and more rows and heads than one grid axis holds.
const shapes = [
  [1, { heads: 1, kvHeads: 1, headDim: 1 }],
  [5, { heads: 4, kvHeads: 2, headDim: 20 }],
  [130, { heads: 6, kvHeads: 3, headDim: 67 }],
  [65_537, { heads: 2, kvHeads: 1, headDim: 4 }],
] as const;

for (const [rows, dims] of shapes) {
  const { heads, kvHeads, headDim } = dims;
  const shape = [rows, qkvCols(dims)];
  const qkv = uniform(rows * qkvCols(dims), 1);
  const gains = { query: uniform(headDim, 2), key: uniform(headDim, 3) };
  const of = `[${rows}, ${heads}/${kvHeads} heads, ${headDim}]`;

  onGpu(
    `headNorm() matches its f64 reference at ${of}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const onQkv = yield* gpu.upload(qkv, shape);
      const onGains = yield* Effect.all({
        query: gpu.upload(gains.query, [headDim]),
        key: gpu.upload(gains.key, [headDim]),
      });
      const actual = yield* gpu.submit((pass) => headNorm(pass, onQkv, onGains, dims, eps));
      const expected = headNormReference(qkv, gains, dims, eps);
      for (const output of ["y", "rstd"] as const) {
        const error = worst(yield* gpu.download(actual[output]), expected[output]);
        assert.ok(error < 1e-6, `${output}: worst error ${error}`);
      }
    }),
  );

  onGpu(
    `headNormBackward() matches its f64 reference at ${of}, and adds the gradients of the gains`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const dY = uniform(qkv.length, 4);
      const before = { query: uniform(headDim, 5), key: uniform(headDim, 6) };
      const onQkv = yield* gpu.upload(qkv, shape);
      const onGains = yield* Effect.all({
        query: gpu.upload(gains.query, [headDim]),
        key: gpu.upload(gains.key, [headDim]),
      });
      const onDY = yield* gpu.upload(dY, shape);
      const dQueryGain = yield* gpu.upload(before.query, [headDim]);
      const dKeyGain = yield* gpu.upload(before.key, [headDim]);
      yield* gpu.submit((pass) => {
        const { rstd } = headNorm(pass, onQkv, onGains, dims, eps);
        const saved = { qkv: onQkv, gains: onGains, rstd, dY: onDY };
        headNormBackward(pass, saved, dims, { dQueryGain, dKeyGain });
      });
      const expected = headNormBackwardReference(qkv, gains, dims, eps, dY);
      const error = worst(yield* gpu.download(onDY), expected.dQkv);
      assert.ok(error < 1e-5, `dQkv: worst error ${error}`);
      for (const [gain, tensor] of [["query", dQueryGain], ["key", dKeyGain]] as const) {
        const sums = expected[gain].map((value, c) => value + before[gain][c]!);
        const error = worst(yield* gpu.download(tensor), sums);
        assert.ok(error < 1e-5, `${gain} gain: worst error ${error}`);
      }
    }),
  );
}

onGpu(
  "headNormBackward() gives the same gradient of qkv with frozen gains",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const dims = { heads: 2, kvHeads: 1, headDim: 3 };
    const gain = yield* gpu.upload(uniform(3, 1), [3]);
    const gains = { query: gain, key: gain };
    const [qkv, dY] = [yield* gpu.upload(uniform(24, 2), [2, 12]), uniform(24, 3)];
    const results: Float32Array[] = [];
    for (const trained of [{}, { dQueryGain: yield* gpu.allocate([3]) }]) {
      const onDY = yield* gpu.upload(dY, [2, 12]);
      yield* gpu.submit((pass) => {
        const { rstd } = headNorm(pass, qkv, gains, dims, eps);
        headNormBackward(pass, { qkv, gains, rstd, dY: onDY }, dims, trained);
      });
      results.push(yield* gpu.download(onDY));
    }
    assert.deepEqual(results[0], results[1]);
  }),
);

Deno.test("headNormBackwardReference() is the slope of headNormReference()", () => {
  const dims = { heads: 2, kvHeads: 1, headDim: 3 };
  const [qkv, query, key, dY] = [uniform(24, 1), uniform(3, 2), uniform(3, 3), uniform(24, 4)];
  const loss = (x: ArrayLike<number>, query: ArrayLike<number>, key: ArrayLike<number>) =>
    dot(headNormReference(x, { query, key }, dims, eps).y, dY);
  const backward = headNormBackwardReference(qkv, { query, key }, dims, eps, dY);
  const slope = finiteDifference((at) => loss(at, query, key), qkv);
  assert.ok(worst(backward.dQkv, slope) < 1e-8);
  assert.ok(worst(backward.query, finiteDifference((at) => loss(qkv, at, key), query)) < 1e-8);
  assert.ok(worst(backward.key, finiteDifference((at) => loss(qkv, query, at), key)) < 1e-8);
});
