import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import {
  addBias,
  addBiasBackward,
  addBiasBackwardReference,
  addBiasReference,
} from "../../src/ops/add_bias.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

// Below a workgroup, no multiple of it, and more rows than one grid axis holds.
for (const [rows, cols] of [[1, 1], [5, 63], [130, 257], [65_537, 5]] as const) {
  onGpu(
    `addBias() and addBiasBackward() match their f64 references at [${rows}, ${cols}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [y, bias, dY] = [uniform(rows * cols, 1), uniform(cols, 2), uniform(rows * cols, 3)];
      const before = uniform(cols, 4);
      const onY = yield* gpu.upload(y, [rows, cols]);
      const onBias = yield* gpu.upload(bias, [cols]);
      const onDY = yield* gpu.upload(dY, [rows, cols]);
      const dBias = yield* gpu.upload(before, [cols]);
      yield* gpu.submit((pass) => {
        addBias(folded(pass, 3), onY, onBias);
        addBiasBackward(pass, onDY, dBias);
      });
      const error = worst(yield* gpu.download(onY), addBiasReference(y, bias));
      assert.ok(error < 1e-6, `y: worst error ${error}`);
      const sums = addBiasBackwardReference(dY, cols).map((sum, c) => sum + before[c]!);
      const backwardError = worst(yield* gpu.download(dBias), sums);
      assert.ok(backwardError < 1e-5, `dBias: worst error ${backwardError}`);
    }),
  );
}

onGpu(
  "addBiasBackward() loses no row of a long batch",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const dY = yield* gpu.upload(new Float32Array(200_000).fill(1), [200_000, 1]);
    const dBias = yield* gpu.upload(Float32Array.of(0), [1]);
    yield* gpu.submit((pass) => addBiasBackward(pass, dY, dBias));
    assert.deepEqual([...yield* gpu.download(dBias)], [200_000]);
  }),
);

Deno.test("addBiasBackwardReference() is the slope of addBiasReference()", () => {
  const [y, bias, dY] = [uniform(20, 1), uniform(5, 2), uniform(20, 3)];
  const slope = finiteDifference((at) => dot(addBiasReference(y, at), dY), bias);
  assert.ok(worst(addBiasBackwardReference(dY, 5), slope) < 1e-8);
});

onGpu(
  "addBias() names the tensor whose shape is wrong",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const wrong = gpu.submit((pass) => addBias(pass, pass.tensor([2, 8]), pass.tensor([7])));
    const { message } = yield* Effect.flip(wrong);
    assert.equal(message, "add_bias: bias should be [8] but is [7]");
  }),
);
