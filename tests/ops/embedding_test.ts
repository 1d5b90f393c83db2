import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { embed, embedReference, scatterRows } from "../../src/ops/embedding.ts";
import { embeddingGradient, embeddingGradientReference } from "../../src/ops/embedding_gradient.ts";
import { wholeTable } from "../../src/ops/vocabulary_table.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

// Half of the tokens are drawn from the first three ids: long lists beside short and empty ones.
const drawn = (rows: number, vocab: number): Uint32Array<ArrayBuffer> =>
  Uint32Array.from(
    uniform(rows, 9),
    (value, row) => Math.floor((value + 1) / 2 * (row % 2 ? vocab : Math.min(3, vocab))),
  );

for (const [rows, vocab, hidden] of [[1, 1, 1], [70, 33, 5], [300, 320, 67]] as const) {
  onGpu(
    `embed() finds the rows at [${rows}] of [${vocab}, ${hidden}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [table, tokens] = [uniform(vocab * hidden, 1), drawn(rows, vocab)];
      const onTable = yield* gpu.upload(table, [vocab, hidden]);
      const onTokens = yield* gpu.upload(tokens, [rows]);
      const x = yield* gpu.submit((pass) => embed(pass, wholeTable(onTable), onTokens));
      assert.deepEqual(
        Float64Array.from(yield* gpu.download(x)),
        embedReference(table, tokens, hidden),
      );
    }),
  );

  const allIds = Uint32Array.from({ length: vocab }, (_, id) => id);
  const chosenIds = Uint32Array.from(new Set([vocab - 1, 0])); // in any order
  for (const [which, rowIds] of [["all", allIds], ["chosen", chosenIds]] as const) {
    onGpu(
      `embeddingGradient() adds the gradient of ${which} rows at [${rows}] of [${vocab}, ${hidden}]`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        const n = rowIds.length;
        const [dX, tokens] = [uniform(rows * hidden, 1), drawn(rows, vocab)];
        const before = uniform(n * hidden, 2);
        const onDX = yield* gpu.upload(dX, [rows, hidden]);
        const onTokens = yield* gpu.upload(tokens, [rows]);
        const onIds = yield* gpu.upload(rowIds, [n]);
        const dRows = yield* gpu.upload(before, [n, hidden]);
        yield* gpu.submit((pass) => embeddingGradient(pass, onDX, onTokens, onIds, dRows));
        const added = embeddingGradientReference(dX, tokens, rowIds, hidden);
        const error = worst(yield* gpu.download(dRows), added.map((sum, i) => sum + before[i]!));
        assert.ok(error < 1e-6, `worst error ${error}`);
      }),
    );
  }
}

onGpu(
  "embeddingGradient() sums a token's list of 32 767 rows",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const rows = 32_767;
    const dX = yield* gpu.upload(new Float32Array(rows).fill(1), [rows, 1]);
    const tokens = yield* gpu.upload(new Uint32Array(rows), [rows]);
    const rowIds = yield* gpu.upload(Uint32Array.of(1, 0), [2]);
    const dRows = yield* gpu.upload(new Float32Array(2), [2, 1]);
    yield* gpu.submit((pass) => embeddingGradient(pass, dX, tokens, rowIds, dRows));
    assert.deepEqual([...yield* gpu.download(dRows)], [0, rows]);
  }),
);

onGpu(
  "scatterRows() overwrites the rows named and no others",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [table, rows] = [uniform(7 * 5, 1), uniform(2 * 5, 2)];
    const onTable = yield* gpu.upload(table, [7, 5]);
    const onRows = yield* gpu.upload(rows, [2, 5]);
    const rowIds = yield* gpu.upload(Uint32Array.of(6, 2), [2]);
    yield* gpu.submit((pass) => scatterRows(pass, onRows, rowIds, wholeTable(onTable)));
    const expected = table.slice();
    expected.set(rows.subarray(0, 5), 6 * 5);
    expected.set(rows.subarray(5), 2 * 5);
    assert.deepEqual(yield* gpu.download(onTable), expected);
  }),
);

Deno.test("embeddingGradientReference() is the slope of embedReference()", () => {
  const [table, dX] = [uniform(4 * 3, 1), uniform(6 * 3, 2)];
  const [tokens, rowIds] = [[0, 2, 2, 3, 0, 2], [0, 1, 2, 3]];
  const slope = finiteDifference((at) => dot(embedReference(at, tokens, 3), dX), table);
  assert.ok(worst(embeddingGradientReference(dX, tokens, rowIds, 3), slope) < 1e-8);
});
