import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import {
  swiglu,
  swigluBackward,
  swigluBackwardReference,
  swigluReference,
} from "../../src/ops/swiglu.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

// Below a workgroup, and no multiple of it.
for (const [rows, cols] of [[1, 1], [5, 63], [33, 257]] as const) {
  onGpu(
    `swiglu() and swigluBackward() match their f64 references at [${rows}, ${cols}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const gateUp = uniform(rows * 2 * cols, 1).map((value) => value * 6);
      const dY = uniform(rows * cols, 2);
      const onGateUp = yield* gpu.upload(gateUp, [rows, 2 * cols]);
      const onDY = yield* gpu.upload(dY, [rows, cols]);
      const y = yield* gpu.submit((pass) => swiglu(pass, onGateUp));
      const error = worst(yield* gpu.download(y), swigluReference(gateUp, cols));
      assert.ok(error < 1e-6, `y: worst error ${error}`);
      yield* gpu.submit((pass) => swigluBackward(pass, onGateUp, onDY));
      const expected = swigluBackwardReference(gateUp, dY, cols);
      const backwardError = worst(yield* gpu.download(onGateUp), expected);
      assert.ok(backwardError < 1e-6, `dGateUp: worst error ${backwardError}`);
      const again = worst(yield* gpu.download(onDY), swigluReference(gateUp, cols));
      assert.ok(again < 1e-6, `y, made again: worst error ${again}`);
    }),
  );
}

onGpu(
  "swiglu() stays finite for gates of any size",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const gateUp = Float32Array.of(-1e30, -100, 100, 1e30, 1, 1, 1, 1);
    const onGateUp = yield* gpu.upload(gateUp, [1, 8]);
    const dY = yield* gpu.upload(new Float32Array(4).fill(1), [1, 4]);
    const y = yield* gpu.submit((pass) => swiglu(pass, onGateUp));
    const [, least, most] = yield* gpu.download(y);
    assert.ok(Math.abs(least!) < 1e-30);
    assert.equal(most, 100);
    yield* gpu.submit((pass) => swigluBackward(pass, onGateUp, dY));
    assert.ok((yield* gpu.download(onGateUp)).every(Number.isFinite));
    assert.deepEqual(yield* gpu.download(dY), yield* gpu.download(y));
  }),
);

Deno.test("swigluBackwardReference() is the slope of swigluReference()", () => {
  const [gateUp, dY] = [uniform(20, 1), uniform(10, 2)];
  const slope = finiteDifference((at) => dot(swigluReference(at, 5), dY), gateUp);
  assert.ok(worst(swigluBackwardReference(gateUp, dY, 5), slope) < 1e-8);
});
