import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { rowsOf } from "../../src/ops/matrix.ts";
import {
  rowNorms,
  rowNormsReference,
  rowScale,
  rowScaleReference,
} from "../../src/ops/row_norms.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

// A row below a workgroup, one that is no multiple of it, and more rows than one grid axis holds; the
// rows are the last ones of a matrix that holds `first` more.
for (const [first, rows, cols] of [[0, 1, 1], [3, 5, 63], [1, 7, 1025], [2, 65_537, 3]] as const) {
  onGpu(
    `rowNorms() and rowScale() match their f64 references at [${first} + ${rows}, ${cols}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [w, delta] = [uniform((first + rows) * cols, 1), uniform(rows * cols, 2)];
      const lengths = uniform(rows, 3);
      const onW = yield* gpu.upload(w, [first + rows, cols]);
      const onDelta = yield* gpu.upload(delta, [rows, cols]);
      const onLengths = yield* gpu.upload(lengths, [rows]);
      const norms = yield* gpu.submit((pass) => {
        const window = rowsOf(onW, first, first + rows);
        const norms = rowNorms(folded(pass, 3), window, onDelta);
        rowScale(folded(pass, 3), window, { lengths: onLengths, norms });
        return norms;
      });
      const own = w.slice(first * cols);
      const expected = rowNormsReference(own, delta, cols);
      const error = worst(yield* gpu.download(norms), expected);
      assert.ok(error < 1e-6, `norms: worst error ${error}`);
      const scaled = [...w.slice(0, first * cols), ...rowScaleReference(own, lengths, expected)];
      // One element in 65,537 rows may be divided by a length near zero: relative to itself.
      const wrong = (yield* gpu.download(onW))
        .findIndex((value, i) => Math.abs(value - scaled[i]!) > 1e-5 * Math.abs(scaled[i]!));
      assert.equal(wrong, -1, `w[${wrong}]`);
    }),
  );
}

onGpu(
  "rowScale() gives rows the lengths that rowNorms() finds",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const onW = yield* gpu.upload(uniform(4 * 9, 1), [4, 9]);
    const zeros = yield* gpu.upload(new Float32Array(4 * 9), [4, 9]);
    const lengths = yield* gpu.upload(Float32Array.of(2, 0, 0.5, 7), [4]);
    const norms = yield* gpu.submit((pass) => {
      rowScale(pass, onW, { lengths, norms: rowNorms(pass, onW, zeros) });
      return rowNorms(pass, onW, zeros);
    });
    assert.ok(worst(yield* gpu.download(norms), [2, 0, 0.5, 7]) < 1e-6);
  }),
);

onGpu(
  "rowNorms() names the tensor whose shape is wrong",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const wrong = gpu.submit((pass) => rowNorms(pass, pass.tensor([2, 8]), pass.tensor([2, 7])));
    const { message } = yield* Effect.flip(wrong);
    assert.equal(message, "row_norms: delta should be [2,8] but is [2,7]");
  }),
);
