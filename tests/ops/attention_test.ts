import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu, type Pass } from "../../src/gpu/gpu.ts";
import {
  attention,
  attentionBackward,
  attentionBackwardReference,
  attentionReference,
  type HeadDims,
} from "../../src/ops/attention.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { ragged } from "../support/ragged.ts";

// The kernels that every adapter runs, on this one.
const withoutSubgroups = (pass: Pass): Pass => ({
  ...pass,
  adapter: { ...pass.adapter, subgroups: false, subgroupSize: 0 },
});

/** Forward and backward of one batch, with every output read back. */
const runBoth = (
  lengths: ReadonlyArray<number>,
  dims: HeadDims,
  qkv: Float32Array,
  dY: Float32Array,
  adapt: (pass: Pass) => Pass = (pass) => pass,
) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { rows, starts, ends } = ragged(lengths);
    const inputs = {
      qkv: yield* gpu.upload(qkv, [rows, qkvCols(dims)]),
      starts: yield* gpu.upload(starts, [rows]),
      ends: yield* gpu.upload(ends, [rows]),
      dY: yield* gpu.upload(dY, [rows, dims.heads * dims.headDim]),
    };
    const outputs = yield* gpu.submit((recorder) => {
      const pass = adapt(recorder);
      const { y, logSumExp } = attention(pass, inputs.qkv, inputs.starts, dims);
      return { y, logSumExp, dQkv: attentionBackward(pass, { ...inputs, y, logSumExp }, dims) };
    });
    return {
      y: yield* gpu.download(outputs.y),
      logSumExp: yield* gpu.download(outputs.logSumExp),
      dQkv: yield* gpu.download(outputs.dQkv),
    };
  });

// A lone row, ragged sequences that end inside and on a tile, a long one; groups of one, two and four.
const shapes = [
  [[1], { heads: 4, kvHeads: 4, headDim: 8 }],
  [[1, 3, 1], { heads: 6, kvHeads: 3, headDim: 16 }],
  [[5, 17, 1, 8, 32], { heads: 8, kvHeads: 2, headDim: 32 }],
  [[63, 1, 1, 192], { heads: 3, kvHeads: 1, headDim: 20 }],
  [[512], { heads: 2, kvHeads: 1, headDim: 64 }],
] as const;

for (const [lengths, dims] of shapes) {
  for (const adapt of [undefined, withoutSubgroups]) {
    if (adapt && dims.headDim === 64) continue; // half a minute to compile where 32 takes a few seconds
    const { heads, kvHeads, headDim } = dims;
    onGpu(
      `attention() and attentionBackward() match their f64 references for sequences of ` +
        `${lengths}, ${heads}/${kvHeads} heads of ${headDim}${adapt ? " without subgroups" : ""}`,
      Effect.gen(function* () {
        const { rows, starts } = ragged(lengths);
        // Scores of a few units: neither a flat nor a one-hot softmax.
        const qkv = uniform(rows * qkvCols(dims), 1).map((value) => value * 2);
        const dY = uniform(rows * heads * headDim, 2);
        const actual = yield* runBoth(lengths, dims, qkv, dY, adapt);
        const expected = attentionReference(qkv, starts, dims);
        for (const output of ["y", "logSumExp"] as const) {
          const error = worst(actual[output], expected[output]);
          assert.ok(error < 2e-6, `${output}: worst error ${error}`);
        }
        const error = worst(actual.dQkv, attentionBackwardReference(qkv, starts, dY, dims));
        assert.ok(error < 1e-5, `dQkv: worst error ${error}`);
      }),
    );
  }
}

onGpu(
  "attention() and attentionBackward() keep sequences apart, bit for bit",
  Effect.gen(function* () {
    const dims = { heads: 4, kvHeads: 2, headDim: 8 };
    const lengths = [5, 13, 9];
    const [qkv, dY] = [uniform(27 * qkvCols(dims), 1), uniform(27 * 32, 2)];
    const before = yield* runBoth(lengths, dims, qkv, dY);
    // The middle sequence, rows 5 to 18, becomes another.
    const [otherQkv, otherDY] = [qkv.slice(), dY.slice()];
    otherQkv.fill(1e4, 5 * qkvCols(dims), 18 * qkvCols(dims));
    otherDY.fill(1e4, 5 * 32, 18 * 32);
    const after = yield* runBoth(lengths, dims, otherQkv, otherDY);
    for (const output of ["y", "dQkv"] as const) {
      const cols = before[output].length / 27;
      for (const [from, to] of [[0, 5], [18, 27]] as const) {
        assert.deepEqual(
          after[output].subarray(from * cols, to * cols),
          before[output].subarray(from * cols, to * cols),
        );
      }
    }
  }),
);

onGpu(
  "attention() gives a row of scores far below zero its softmax",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const dims = { heads: 1, kvHeads: 1, headDim: 4 };
    const qkv = Float32Array.from({ length: 3 * 12 }, (_, i) => i % 12 < 4 ? -100 : 100);
    const { starts } = ragged([3]);
    const onQkv = yield* gpu.upload(qkv, [3, 12]);
    const onStarts = yield* gpu.upload(starts, [3]);
    const { y } = yield* gpu.submit((pass) => attention(pass, onQkv, onStarts, dims));
    assert.deepEqual(yield* gpu.download(y), new Float32Array(12).fill(100));
  }),
);

onGpu(
  "attention() refuses heads that its kernels cannot divide",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const refused = (dims: HeadDims): Effect.Effect<void> =>
      Effect.scoped(gpu.submit((pass) => {
        const wrong = () => attention(pass, pass.tensor([1, 1]), pass.tensor([1], "u32"), dims);
        assert.throws(wrong, RangeError);
      })).pipe(Effect.orDie);
    yield* refused({ heads: 4, kvHeads: 4, headDim: 6 });
    yield* refused({ heads: 4, kvHeads: 3, headDim: 8 });
  }),
);

Deno.test("attentionBackwardReference() is the slope of attentionReference()", () => {
  const dims = { heads: 4, kvHeads: 2, headDim: 4 };
  const { rows, starts } = ragged([3, 1, 4]);
  const [qkv, dY] = [uniform(rows * qkvCols(dims), 1), uniform(rows * 16, 2)];
  const slope = finiteDifference((at) => dot(attentionReference(at, starts, dims).y, dY), qkv);
  assert.ok(worst(attentionBackwardReference(qkv, starts, dY, dims), slope) < 1e-8);
});
