import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { crossEntropy, crossEntropyReference, IGNORE } from "../../src/ops/cross_entropy.ts";
import { wholeTable } from "../../src/ops/vocabulary_table.ts";
import { finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const problem = (rows: number, vocab: number, width: number) => ({
  hidden: uniform(rows * width, 1).map((value) => value * 3),
  head: uniform(vocab * width, 2).map((value) => value * 2),
  targets: Uint32Array.from({ length: rows }, (_, row) => row % 3 === 1 ? IGNORE : row * 7 % vocab),
});

// One chunk; chunks of rows; chunks of rows and of ids, neither of which divides its axis.
for (
  const { rows, vocab, width, chunkBytes, padded = 0 } of [
    { rows: 1, vocab: 5, width: 4, chunkBytes: 1024 },
    { rows: 37, vocab: 321, width: 33, chunkBytes: 2 ** 20 },
    { rows: 37, vocab: 321, width: 33, chunkBytes: 2 ** 20, padded: 20 },
    { rows: 101, vocab: 321, width: 33, chunkBytes: 4 * 321 * 40 },
    { rows: 70, vocab: 321, width: 20, chunkBytes: 4 * 32 * 50, padded: 63 },
  ]
) {
  onGpu(
    `crossEntropy() matches its f64 reference at [${rows}, ${width}] · [${vocab}, ${width}]ᵀ, ` +
      `chunks of ${chunkBytes} bytes, ${padded} ids of padding`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const scale = 0.3;
      const validVocab = vocab - padded;
      const { hidden, head, targets: drawn } = problem(rows, vocab, width);
      const targets = drawn.map((id) => id === IGNORE ? id : id % validVocab);
      const before = uniform(vocab * width, 3);
      // The largest label: its row of the head has a large gradient, in the last chunk of ids.
      const largest = Math.max(...targets.filter((id) => id !== IGNORE));
      const rowIds = Uint32Array.of(largest, 0, validVocab - 1);
      const beforeRows = uniform(rowIds.length * width, 4);
      const dHead = yield* gpu.upload(before, [vocab, width]);
      const inputs = {
        hidden: yield* gpu.upload(hidden, [rows, width]),
        head: wholeTable(yield* gpu.upload(head, [vocab, width]), dHead),
        targets: yield* gpu.upload(targets, [rows]),
      };
      const chosen = {
        rowIds: yield* gpu.upload(rowIds, [rowIds.length]),
        dRows: yield* gpu.upload(beforeRows, [rowIds.length, width]),
      };
      const actual = yield* gpu.submit((pass) =>
        crossEntropy(pass, inputs, { scale, gradient: true, chosen, validVocab, chunkBytes })
      );
      const expected = crossEntropyReference({ hidden, head, targets }, scale, validVocab);
      const expectedRows = Float64Array.from(
        beforeRows,
        (value, i) => value + expected.dHead[rowIds[Math.floor(i / width)]! * width + i % width]!,
      );
      const errors = {
        losses: worst(yield* gpu.download(actual.losses), expected.losses),
        logSumExp: worst(yield* gpu.download(actual.logSumExp), expected.logSumExp),
        dHidden: worst(yield* gpu.download(actual.dHidden!), expected.dHidden),
        dHead: worst(yield* gpu.download(dHead), expected.dHead.map((v, i) => v + before[i]!)),
        dRows: worst(yield* gpu.download(chosen.dRows), expectedRows),
      };
      assert.ok(errors.losses < 1e-5 && errors.logSumExp < 1e-6, JSON.stringify(errors));
      assert.ok(
        Math.max(errors.dHidden, errors.dHead, errors.dRows) < 1e-5,
        JSON.stringify(errors),
      );
      assert.ok(drawn.every((id, row) => id !== IGNORE || expected.losses[row] === 0));
    }),
  );
}

onGpu(
  "crossEntropy() reads every id of a vocabulary of 300 000",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const vocab = 300_000;
    const inputs = {
      hidden: yield* gpu.upload(Float32Array.of(0), [1, 1]),
      head: wholeTable(yield* gpu.upload(new Float32Array(vocab), [vocab, 1])),
      targets: yield* gpu.upload(Uint32Array.of(vocab - 1), [1]),
    };
    const { losses } = yield* gpu.submit((pass) =>
      crossEntropy(pass, inputs, { scale: 1, gradient: false })
    );
    assert.ok(worst(yield* gpu.download(losses), [Math.log(vocab)]) < 1e-6);
  }),
);

onGpu(
  "crossEntropy() without gradient gives the same losses and no dHidden",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { hidden, head, targets } = problem(9, 50, 8);
    const inputs = {
      hidden: yield* gpu.upload(hidden, [9, 8]),
      head: wholeTable(yield* gpu.upload(head, [50, 8])),
      targets: yield* gpu.upload(targets, [9]),
    };
    const [without, and] = yield* gpu.submit((pass) => [
      crossEntropy(pass, inputs, { scale: 1, gradient: false }),
      crossEntropy(pass, inputs, { scale: 1, gradient: true }),
    ]);
    assert.equal(without!.dHidden, undefined);
    assert.deepEqual(yield* gpu.download(without!.losses), yield* gpu.download(and!.losses));
  }),
);

onGpu(
  "crossEntropy() stays finite for logits of ±10⁴",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const inputs = {
      hidden: yield* gpu.upload(Float32Array.of(1), [1, 1]),
      head: wholeTable(yield* gpu.upload(Float32Array.of(1e4, -1e4, 0), [3, 1])),
      targets: yield* gpu.upload(Uint32Array.of(1), [1]),
    };
    const { losses, dHidden } = yield* gpu.submit((pass) =>
      crossEntropy(pass, inputs, { scale: 1, gradient: true })
    );
    assert.deepEqual([...yield* gpu.download(losses)], [2e4]);
    assert.deepEqual([...yield* gpu.download(dHidden!)], [2e4]);
  }),
);

Deno.test("crossEntropyReference() has the slope of its losses", () => {
  const { hidden, head, targets } = problem(4, 6, 3);
  const { dHidden, dHead } = crossEntropyReference({ hidden, head, targets }, 0.5, 5);
  const loss = (at: ArrayLike<number>, ofHead: ArrayLike<number>) => {
    const { losses } = crossEntropyReference({ hidden: at, head: ofHead, targets }, 0.5, 5);
    return 0.5 * losses.reduce((sum, value) => sum + value, 0);
  };
  assert.ok(worst(dHidden, finiteDifference((at) => loss(at, head), hidden)) < 1e-8);
  assert.ok(worst(dHead, finiteDifference((at) => loss(hidden, at), head)) < 1e-8);
});
