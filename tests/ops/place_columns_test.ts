import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { placeColumns } from "../../src/ops/place_columns.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

for (
  const [rows, cols, width, first] of [[1, 1, 1, 0], [5, 63, 70, 7], [37, 40, 517, 0]] as const
) {
  onGpu(
    `placeColumns() writes [${rows}, ${cols}] at ${first} of [${rows}, ${width}] and nothing else`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [x, y] = [uniform(rows * cols, 1), uniform(rows * width, 2)];
      const onX = yield* gpu.upload(x, [rows, cols]);
      const onY = yield* gpu.upload(y, [rows, width]);
      yield* gpu.submit((pass) => {
        placeColumns(folded(pass, 3), onX, onY, first);
        const wide = () => placeColumns(pass, onX, onY, width - cols + 1);
        assert.throws(wide, /Expected columns within/);
      });
      for (let row = 0; row < rows; row++) {
        y.set(x.subarray(row * cols, (row + 1) * cols), row * width + first);
      }
      assert.equal(worst(yield* gpu.download(onY), y), 0);
    }),
  );
}
