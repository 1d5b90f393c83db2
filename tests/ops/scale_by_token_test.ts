import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { scaleByToken, scaleByTokenReference } from "../../src/ops/scale_by_token.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

// Below a workgroup, not a multiple of it, and past one axis of the grid.
for (
  const { shape, firstRow } of [
    { shape: [5], firstRow: 0 },
    { shape: [7, 41], firstRow: 13 },
    { shape: [37, 131], firstRow: 1 },
  ]
) {
  onGpu(
    `scaleByToken() matches its f64 reference at [${shape}] from row ${firstRow}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const rows = shape[0]!;
      const x = uniform(shape.reduce((a, b) => a * b), 1);
      const weights = uniform(firstRow + rows + 2, 2);
      const onX = yield* gpu.upload(x, shape);
      const onWeights = yield* gpu.upload(weights, [weights.length]);
      yield* gpu.submit((pass) => scaleByToken(folded(pass, 3), onX, onWeights, firstRow));
      const expected = scaleByTokenReference(x, rows, weights, firstRow);
      assert.ok(worst(yield* gpu.download(onX), expected) < 1e-6);
    }),
  );
}
