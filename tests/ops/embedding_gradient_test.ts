import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { embedReference } from "../../src/ops/embedding.ts";
import {
  embeddingGradient,
  embeddingGradientReference,
  tableGradient,
} from "../../src/ops/embedding_gradient.ts";
import { wholeTable } from "../../src/ops/vocabulary_table.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { uploadTable } from "../support/tables.ts";

// Half of the tokens are drawn from the first three ids: long lists beside short and empty ones.
const drawn = (rows: number, vocab: number): Uint32Array<ArrayBuffer> =>
  Uint32Array.from(
    uniform(rows, 9),
    (value, row) => Math.floor((value + 1) / 2 * (row % 2 ? vocab : Math.min(3, vocab))),
  );

const idsBelow = (vocab: number): Uint32Array<ArrayBuffer> =>
  Uint32Array.from({ length: vocab }, (_, id) => id);

const plus = (added: Float64Array, before: Float32Array): Float64Array =>
  added.map((sum, i) => sum + before[i]!);

// The last is longer than two slices of rows, and longer than a thread's loops may be on some drivers.
for (
  const [rows, vocab, hidden] of [[1, 1, 1], [70, 33, 5], [300, 320, 67], [20_000, 40, 3]] as const
) {
  const chosenIds = Uint32Array.from(new Set([vocab - 1, 0])); // in any order
  for (const [which, rowIds] of [["all", idsBelow(vocab)], ["chosen", chosenIds]] as const) {
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
        yield* gpu.submit((pass) =>
          embeddingGradient(folded(pass, 3), onDX, onTokens, onIds, dRows, 1.5)
        );
        const added = embeddingGradientReference(dX, tokens, rowIds, hidden, 1.5);
        const error = worst(yield* gpu.download(dRows), plus(added, before));
        assert.ok(error < 3e-6, `worst error ${error}`);
      }),
    );
  }

  onGpu(
    `tableGradient() adds the gradients of trained shards at [${rows}] of [${vocab}, ${hidden}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [dX, tokens] = [uniform(rows * hidden, 1), drawn(rows, vocab)];
      // Three shards where there are rows for them, of which the middle one is frozen.
      const ends = vocab < 12 ? [vocab] : [8, 12, vocab];
      const before = ends.map((to, index) =>
        uniform((to - (ends[index - 1] ?? 0)) * hidden, index)
      );
      const gradients = yield* Effect.forEach(
        before,
        (data) => gpu.upload(data, [data.length / hidden, hidden]),
      );
      const { table } = yield* uploadTable(
        uniform(vocab * hidden, 1),
        hidden,
        ends.map(
          (to, index) =>
            index === 1
              ? { to, format: "q8" as const }
              : { to, format: "f32" as const, gradient: gradients[index]! },
        ),
      );
      const onDX = yield* gpu.upload(dX, [rows, hidden]);
      const onTokens = yield* gpu.upload(tokens, [rows]);
      yield* gpu.submit((pass) => tableGradient(folded(pass, 3), onDX, onTokens, table, 0.5));
      const added = embeddingGradientReference(dX, tokens, idsBelow(vocab), hidden, 0.5);
      for (const [index, { from, to }] of table.shards.entries()) {
        const own = added.subarray(from * hidden, to * hidden);
        const expected = index === 1 ? before[index]! : plus(own, before[index]!);
        const error = worst(yield* gpu.download(gradients[index]!), expected);
        assert.ok(error < 3e-6, `shard ${index}: worst error ${error}`);
      }
    }),
  );
}

onGpu(
  "embeddingGradient() and tableGradient() find a token at both ends of 300 000 rows of another",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const rows = 300_000;
    const drawn = new Uint32Array(rows).fill(1);
    drawn[0] = drawn[rows - 1] = 0;
    const tokens = yield* gpu.upload(drawn, [rows]);
    const dX = yield* gpu.upload(new Float32Array(rows).fill(1), [rows, 1]);
    const rowIds = yield* gpu.upload(Uint32Array.of(1, 0), [2]);
    const dRows = yield* gpu.upload(new Float32Array(2), [2, 1]);
    const gradient = yield* gpu.upload(new Float32Array(2), [2, 1]);
    const table = wholeTable(yield* gpu.upload(new Float32Array(2), [2, 1]), gradient);
    yield* gpu.submit((pass) => {
      embeddingGradient(pass, dX, tokens, rowIds, dRows);
      tableGradient(pass, dX, tokens, table);
    });
    assert.deepEqual([...yield* gpu.download(dRows)], [rows - 2, 2]);
    assert.deepEqual([...yield* gpu.download(gradient)], [2, rows - 2]);
  }),
);

onGpu(
  "tableGradient() takes all of 151 936 rows, where embeddingGradient() refuses so many",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const vocab = 151_936;
    const tokens = yield* gpu.upload(Uint32Array.of(vocab - 1, 0, vocab - 1), [3]);
    const dX = yield* gpu.upload(Float32Array.of(1, 2, 4), [3, 1]);
    const gradient = yield* gpu.upload(new Float32Array(vocab), [vocab, 1]);
    const table = wholeTable(gradient, gradient);
    const rowIds = yield* gpu.upload(idsBelow(vocab), [vocab]);
    yield* gpu.submit((pass) => {
      tableGradient(pass, dX, tokens, table);
      const many = () => embeddingGradient(pass, dX, tokens, rowIds, gradient);
      assert.throws(many, /at most 32768 row ids but found 151936/);
    });
    const sums = yield* gpu.download(gradient);
    assert.deepEqual([sums[0], sums[vocab - 1], sums.reduce((a, b) => a + b)], [2, 5, 7]);
  }),
);

Deno.test("embeddingGradientReference() is the slope of embedReference()", () => {
  const [table, dX] = [uniform(4 * 3, 1), uniform(6 * 3, 2)];
  const [tokens, rowIds] = [[0, 2, 2, 3, 0, 2], [0, 1, 2, 3]];
  const slope = finiteDifference((at) => dot(embedReference(at, tokens, 3, 0.7), dX), table);
  assert.ok(worst(embeddingGradientReference(dX, tokens, rowIds, 3, 0.7), slope) < 1e-8);
});
