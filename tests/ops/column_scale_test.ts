import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import {
  columnScale,
  columnScaleBackward,
  columnScaleBackwardReference,
  columnScaleReference,
} from "../../src/ops/column_scale.ts";
import { columns } from "../../src/ops/matrix.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const width = 6; // columns beside the window, which are left alone
const positive = (count: number, seed: number) => uniform(count, seed).map((x) => 1.5 + x);

// Below a workgroup, no multiple of it, and more rows than one grid axis holds.
for (const [rows, cols] of [[1, 1], [5, 63], [130, 257], [65_537, 3]] as const) {
  onGpu(
    `columnScale() and columnScaleBackward() match their f64 references at [${rows}, ${cols}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const whole = cols + width;
      const [y, dY] = [uniform(rows * whole, 1), uniform(rows * whole, 2)];
      const [lengths, norms] = [uniform(cols, 3), positive(cols, 4)];
      const before = uniform(cols, 5);
      const onY = yield* gpu.upload(y, [rows, whole]);
      const onDY = yield* gpu.upload(dY, [rows, whole]);
      const scaling = {
        lengths: yield* gpu.upload(lengths, [cols]),
        norms: yield* gpu.upload(norms, [cols]),
      };
      const dLengths = yield* gpu.upload(before, [cols]);
      const z = yield* gpu.submit((pass) => {
        const z = columnScale(folded(pass, 3), columns(onY, 2, 2 + cols), scaling);
        columnScaleBackward(pass, columns(onDY, 2, 2 + cols), { z, ...scaling }, dLengths);
        return z;
      });
      const inside = (i: number) => i % whole >= 2 && i % whole < 2 + cols;
      const windowOf = (of: Float32Array) => of.filter((_, i) => inside(i));
      const outside = (of: Float32Array) => of.filter((_, i) => !inside(i));
      const [actual, dActual] = [yield* gpu.download(onY), yield* gpu.download(onDY)];
      assert.deepEqual(yield* gpu.download(z), windowOf(y));
      assert.deepEqual(outside(actual), outside(y));
      assert.deepEqual(outside(dActual), outside(dY));
      const expected = columnScaleBackwardReference(windowOf(y), lengths, norms, windowOf(dY));
      const sums = expected.dLengths.map((sum, c) => sum + before[c]!);
      const errors = {
        y: worst(windowOf(actual), columnScaleReference(windowOf(y), lengths, norms)),
        dZ: worst(windowOf(dActual), expected.dZ),
        dLengths: worst(yield* gpu.download(dLengths), sums),
      };
      for (const [what, error] of Object.entries(errors)) {
        assert.ok(error < 1e-5, `${what}: worst error ${error}`);
      }
    }),
  );
}

Deno.test("columnScaleBackwardReference() is the slope of columnScaleReference()", () => {
  const [z, lengths, norms, dY] = [uniform(20, 1), uniform(5, 2), positive(5, 3), uniform(20, 4)];
  const { dZ, dLengths } = columnScaleBackwardReference(z, lengths, norms, dY);
  const slopeOfZ = finiteDifference((at) => dot(columnScaleReference(at, lengths, norms), dY), z);
  const slopeOfLengths = finiteDifference(
    (at) => dot(columnScaleReference(z, at, norms), dY),
    lengths,
  );
  assert.ok(worst(dZ, slopeOfZ) < 1e-8);
  assert.ok(worst(dLengths, slopeOfLengths) < 1e-8);
});

onGpu(
  "columnScale() names the tensor whose shape is wrong",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const wrong = gpu.submit((pass) =>
      columnScale(pass, pass.tensor([2, 8]), { lengths: pass.tensor([7]), norms: pass.tensor([8]) })
    );
    const { message } = yield* Effect.flip(wrong);
    assert.equal(message, "column_scale: lengths should be [8] but is [7]");
  }),
);
