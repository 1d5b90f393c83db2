import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { rotary, rotaryReference } from "../../src/ops/rotary.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { ragged } from "../support/ragged.ts";

// Cosines and sines of angles that fall with their index, a row a position.
const table = (maxPositions: number, pairs: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: maxPositions * 2 * pairs }, (_, at) => {
    const [position, i] = [Math.floor(at / (2 * pairs)), at % (2 * pairs)];
    const angle = position / 10 ** (i % pairs);
    return i < pairs ? Math.cos(angle) : Math.sin(angle);
  });

// Whole heads, half of them, an odd number of pairs, and more rows than one grid axis holds.
const shapes = [
  [[1], { heads: 1, kvHeads: 1, headDim: 2 }, 1],
  [[5, 1, 63], { heads: 4, kvHeads: 2, headDim: 20 }, 10],
  [[5, 1, 63], { heads: 4, kvHeads: 2, headDim: 20 }, 5],
  [[257], { heads: 6, kvHeads: 3, headDim: 32 }, 8],
  [Array.from({ length: 241 }, () => 272), { heads: 1, kvHeads: 1, headDim: 8 }, 3],
] as const;

for (const [lengths, dims, pairs] of shapes) {
  const { rows, positions } = ragged(lengths);
  onGpu(
    `rotary() matches its f64 reference for ${rows} rows in ${lengths.length} sequences, ` +
      `${dims.heads}/${dims.kvHeads} heads of ${dims.headDim}, ${pairs} pairs`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [qkv, rotations] = [uniform(rows * qkvCols(dims), 1), table(300, pairs)];
      const onQkv = yield* gpu.upload(qkv, [rows, qkvCols(dims)]);
      const onRotations = yield* gpu.upload(rotations, [300, 2 * pairs]);
      const onPositions = yield* gpu.upload(positions, [rows]);
      yield* gpu.submit((pass) =>
        rotary(folded(pass, 3), onQkv, onRotations, onPositions, dims, 1)
      );
      const expected = rotaryReference(qkv, rotations, positions, dims, 1, pairs);
      const error = worst(yield* gpu.download(onQkv), expected);
      assert.ok(error < 1e-6, `qkv: worst error ${error}`);
      yield* gpu.submit((pass) => rotary(pass, onQkv, onRotations, onPositions, dims, -1));
      const inverseError = worst(yield* gpu.download(onQkv), qkv);
      assert.ok(inverseError < 1e-6, `turned back: worst error ${inverseError}`);
    }),
  );
}

Deno.test("rotaryReference() leaves a head's elements alone after the pairs", () => {
  const dims = { heads: 1, kvHeads: 1, headDim: 5 };
  const qkv = uniform(15, 1);
  const quarterTurn = [0, 0, 1, 1];
  const [a, b, c, d, e, ...rest] = rotaryReference(qkv, quarterTurn, [0], dims, 1, 2);
  assert.deepEqual([a, b, c, d, e], [-qkv[2]!, -qkv[3]!, qkv[0], qkv[1], qkv[4]]);
  assert.deepEqual(rest.slice(4), [...qkv.slice(9)]);
});

Deno.test("rotaryReference() backwards is the slope of rotaryReference() forwards", () => {
  const dims = { heads: 2, kvHeads: 1, headDim: 4 };
  const { rows, positions } = ragged([3, 2]);
  const [qkv, dTurned] = [uniform(rows * 16, 1), uniform(rows * 16, 2)];
  for (const pairs of [1, 2]) {
    const rotations = table(3, pairs).map((value) => 1.5 * value); // of a scaled table too
    const turn = (x: ArrayLike<number>, direction: 1 | -1) =>
      rotaryReference(x, rotations, positions, dims, direction, pairs);
    const slope = finiteDifference((at) => dot(turn(at, 1), dTurned), qkv);
    assert.ok(worst(turn(dTurned, -1), slope) < 1e-8);
  }
});

onGpu(
  "rotary() says what is wrong with its table",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const dims = { heads: 1, kvHeads: 1, headDim: 4 };
    for (const cols of [3, 6]) {
      const wrong = gpu.submit((pass) => {
        const message =
          `Expected the columns of rotations to be even and at most headDim = 4 but found ${cols}`;
        const [qkv, rotations] = [pass.tensor([2, 12]), pass.tensor([8, cols])];
        const turn = () => rotary(pass, qkv, rotations, pass.tensor([2], "u32"), dims, 1);
        assert.throws(turn, { name: "RangeError", message });
      });
      yield* wrong;
    }
  }),
);
