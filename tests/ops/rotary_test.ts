import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { rotary, rotaryReference } from "../../src/ops/rotary.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { ragged } from "../support/ragged.ts";

// Cosines and sines of angles that fall with their index, a row a position.
const table = (maxPositions: number, headDim: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: maxPositions * headDim }, (_, at) => {
    const [position, i] = [Math.floor(at / headDim), at % headDim];
    const angle = position / 10 ** (i % (headDim / 2));
    return i < headDim / 2 ? Math.cos(angle) : Math.sin(angle);
  });

const shapes = [
  [[1], { heads: 1, kvHeads: 1, headDim: 2 }],
  [[5, 1, 63], { heads: 4, kvHeads: 2, headDim: 20 }],
  [[257], { heads: 6, kvHeads: 3, headDim: 32 }],
] as const;

for (const [lengths, dims] of shapes) {
  onGpu(
    `rotary() matches its f64 reference for sequences of ${lengths}, ` +
      `${dims.heads}/${dims.kvHeads} heads of ${dims.headDim}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const { rows, positions } = ragged(lengths);
      const [qkv, rotations] = [uniform(rows * qkvCols(dims), 1), table(300, dims.headDim)];
      const onQkv = yield* gpu.upload(qkv, [rows, qkvCols(dims)]);
      const onRotations = yield* gpu.upload(rotations, [300, dims.headDim]);
      const onPositions = yield* gpu.upload(positions, [rows]);
      yield* gpu.submit((pass) => rotary(pass, onQkv, onRotations, onPositions, dims, 1));
      const expected = rotaryReference(qkv, rotations, positions, dims, 1);
      const error = worst(yield* gpu.download(onQkv), expected);
      assert.ok(error < 1e-6, `qkv: worst error ${error}`);
      yield* gpu.submit((pass) => rotary(pass, onQkv, onRotations, onPositions, dims, -1));
      const inverseError = worst(yield* gpu.download(onQkv), qkv);
      assert.ok(inverseError < 1e-6, `turned back: worst error ${inverseError}`);
    }),
  );
}

Deno.test("rotaryReference() backwards is the slope of rotaryReference() forwards", () => {
  const dims = { heads: 2, kvHeads: 1, headDim: 4 };
  const { rows, positions } = ragged([3, 2]);
  const [qkv, dTurned] = [uniform(rows * 16, 1), uniform(rows * 16, 2)];
  const rotations = table(3, 4);
  const turn = (x: ArrayLike<number>, direction: 1 | -1) =>
    rotaryReference(x, rotations, positions, dims, direction);
  const slope = finiteDifference((at) => dot(turn(at, 1), dTurned), qkv);
  assert.ok(worst(turn(dTurned, -1), slope) < 1e-8);
});
