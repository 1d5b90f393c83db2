import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu, type Pass } from "../../src/gpu/gpu.ts";
import {
  rmsNorm,
  rmsNormBackward,
  rmsNormBackwardReference,
  rmsNormReference,
} from "../../src/ops/rms_norm.ts";
import { withoutSubgroups } from "../support/adapted_pass.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const eps = 1e-3; // large enough that a kernel without it is found out

// As the adapter is, and as if it had no subgroups.
const facts: Readonly<Record<string, (pass: Pass) => Pass>> = {
  "as the adapter is": (pass) => pass,
  "a workgroup a row": withoutSubgroups,
};

// A row below a workgroup, one that is no multiple of it, and more rows than one grid axis holds.
const cases = [[1, 4], [5, 63], [130, 257], [33, 96], [65_537, 8]].flatMap(([rows = 0, cols = 0]) =>
  Object.entries(facts).map(([name, on]) => ({ rows, cols, name, on }))
);

for (const { rows, cols, name, on } of cases) {
  onGpu(
    `rmsNorm() matches its f64 reference at [${rows}, ${cols}], ${name}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [x, gain] = [uniform(rows * cols, 1), uniform(cols, 2)];
      const [onX, onGain] = [yield* gpu.upload(x, [rows, cols]), yield* gpu.upload(gain, [cols])];
      const actual = yield* gpu.submit((pass) => rmsNorm(on(pass), onX, onGain, eps));
      const expected = rmsNormReference(x, gain, eps);
      for (const output of ["y", "rstd"] as const) {
        const error = worst(yield* gpu.download(actual[output]), expected[output]);
        assert.ok(error < 1e-6, `${output}: worst error ${error}`);
      }
    }),
  );

  onGpu(
    `rmsNormBackward() adds its f64 reference at [${rows}, ${cols}], ${name}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const shape = [rows, cols];
      const [x, gain, dY] = [uniform(rows * cols, 1), uniform(cols, 2), uniform(rows * cols, 3)];
      const [before, beforeGain] = [uniform(rows * cols, 4), uniform(cols, 5)];
      const onX = yield* gpu.upload(x, shape);
      const onGain = yield* gpu.upload(gain, [cols]);
      const onDY = yield* gpu.upload(dY, shape);
      const dX = yield* gpu.upload(before, shape);
      const dGain = yield* gpu.upload(beforeGain, [cols]);
      yield* gpu.submit((pass) => {
        const { rstd } = rmsNorm(pass, onX, onGain, eps);
        rmsNormBackward(on(pass), { x: onX, gain: onGain, rstd, dY: onDY }, { dX, dGain });
      });
      const expected = rmsNormBackwardReference(x, gain, eps, dY);
      const errorX = worst(
        yield* gpu.download(dX),
        expected.dX.map((value, i) => value + before[i]!),
      );
      assert.ok(errorX < 1e-5, `dX: worst error ${errorX}`);
      const errorGain = worst(
        yield* gpu.download(dGain),
        expected.dGain.map((value, i) => value + beforeGain[i]!),
      );
      assert.ok(errorGain < 1e-5, `dGain: worst error ${errorGain}`);
    }),
  );
}

Deno.test("rmsNormBackwardReference() is the slope of rmsNormReference()", () => {
  const [x, gain, dY] = [uniform(15, 1), uniform(5, 2), uniform(15, 3)];
  const { dX, dGain } = rmsNormBackwardReference(x, gain, eps, dY);
  const slopeX = finiteDifference((at) => dot(rmsNormReference(at, gain, eps).y, dY), x);
  const slopeGain = finiteDifference((at) => dot(rmsNormReference(x, at, eps).y, dY), gain);
  assert.ok(worst(dX, slopeX) < 1e-8);
  assert.ok(worst(dGain, slopeGain) < 1e-8);
});

onGpu(
  "rmsNorm() names the tensor whose shape is wrong",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const wrong = gpu.submit((pass) => rmsNorm(pass, pass.tensor([2, 8]), pass.tensor([7]), 1e-6));
    const { message } = yield* Effect.flip(wrong);
    assert.equal(message, "rms_norm: gain should be [8] but is [7]");
  }),
);
