import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { rotary, rotaryReference } from "../../src/ops/rotary.ts";
import { rotationTable } from "../../src/models/rotations.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const cases = [
  { rows: 1, heads: 1, kvHeads: 1, headDim: 2 },
  { rows: 7, heads: 6, kvHeads: 3, headDim: 20 },
  { rows: 257, heads: 8, kvHeads: 2, headDim: 32 },
];
const maxPositions = 64;

for (const { rows, ...dims } of cases) {
  const { heads, kvHeads, headDim } = dims;
  const stride = (heads + 2 * kvHeads) * headDim;
  const table = rotationTable({ maxPositions, headDim, ropeTheta: 10_000 });
  const positions = Uint32Array.from({ length: rows }, (_, row) => (row * 7) % maxPositions);

  onGpu(
    `rotary() matches its f64 reference both ways at ${rows} rows, ${heads}/${kvHeads} heads of ${headDim}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const qkv = uniform(rows * stride, 1);
      const rotations = yield* gpu.upload(table, [maxPositions, headDim]);
      const onPositions = yield* gpu.upload(positions, [rows]);
      for (const direction of [1, -1] as const) {
        const onQkv = yield* gpu.upload(qkv, [rows, stride]);
        yield* gpu.submit((pass) => rotary(pass, onQkv, rotations, onPositions, dims, direction));
        const expected = rotaryReference(qkv, table, positions, dims, direction);
        const error = worst(yield* gpu.download(onQkv), expected);
        assert.ok(error < 1e-6, `direction ${direction}: worst error ${error}`);
      }
    }),
  );

  Deno.test(`rotaryReference() turns back what it turned, at heads of ${headDim}`, () => {
    const qkv = uniform(rows * stride, 2);
    const there = rotaryReference(qkv, table, positions, dims, 1);
    // Exact but for the table, whose f32 cosines and sines are no exact rotation.
    assert.ok(worst(rotaryReference(there, table, positions, dims, -1), qkv) < 1e-6);
  });
}
