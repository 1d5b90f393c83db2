import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { crossEntropy, crossEntropyReference, IGNORE } from "../../src/ops/cross_entropy.ts";
import { wholeTable } from "../../src/ops/vocabulary_table.ts";
import type { StorageFormat } from "../../src/weights/pack.ts";
import { finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { uploadTable } from "../support/tables.ts";

const problem = (rows: number, vocab: number, width: number) => ({
  hidden: uniform(rows * width, 1).map((value) => value * 3),
  head: uniform(vocab * width, 2).map((value) => value * 2),
  targets: Uint32Array.from({ length: rows }, (_, row) => row % 3 === 1 ? IGNORE : row * 7 % vocab),
});

interface Case {
  readonly rows: number;
  readonly vocab: number;
  readonly width: number;
  readonly chunkBytes: number;
  /** Ids at the end that do not exist. */
  readonly padded?: number;
  readonly softCap?: number;
  /** Factor of the hidden states: how far the logits reach. */
  readonly reach?: number;
  /** Ends and formats of the head's shards; those in f32 are trained. */
  readonly shards?: ReadonlyArray<readonly [to: number, format: StorageFormat]>;
  /** Whether each row has a weight of its own. */
  readonly weighted?: boolean;
}

/** Worst errors of everything that crossEntropy() computes for `of`, gradients of chosen rows included. */
const errorsOf = (of: Case) =>
  Effect.gen(function* () {
    const { rows, vocab, width, chunkBytes, padded = 0, softCap, reach = 1 } = of;
    const gpu = yield* Gpu;
    const scale = 0.3;
    const validVocab = vocab - padded;
    const { hidden: drawnHidden, head: drawnHead, targets: drawn } = problem(rows, vocab, width);
    const hidden = drawnHidden.map((value) => reach * value);
    const targets = drawn.map((id) => id === IGNORE ? id : id % validVocab);
    const weights = of.weighted ? uniform(rows, 5) : undefined;
    // The largest label: its row of the head has a large gradient, in the last chunk of ids.
    const largest = Math.max(...targets.filter((id) => id !== IGNORE));
    const rowIds = Uint32Array.of(largest, 0, validVocab - 1);
    const before = uniform(vocab * width, 3);
    const beforeRows = uniform(rowIds.length * width, 4);
    const shards: NonNullable<Case["shards"]> = of.shards ?? [[vocab, "f32"]];
    const plan = yield* Effect.forEach(shards, ([to, format], index) =>
      Effect.gen(function* () {
        const from = shards[index - 1]?.[0] ?? 0;
        if (format !== "f32") {
          return { to, format };
        }
        const own = before.slice(from * width, to * width);
        return { to, format, gradient: yield* gpu.upload(own, [to - from, width]) };
      }));
    const { table, values: head } = yield* uploadTable(drawnHead, width, plan);
    const inputs = {
      hidden: yield* gpu.upload(hidden, [rows, width]),
      head: table,
      targets: yield* gpu.upload(targets, [rows]),
      ...weights ? { weights: yield* gpu.upload(weights, [rows]) } : {},
    };
    const chosen = {
      rowIds: yield* gpu.upload(rowIds, [rowIds.length]),
      dRows: yield* gpu.upload(beforeRows, [rowIds.length, width]),
    };
    const capping = softCap === undefined ? {} : { softCap };
    const options = { scale, gradient: true, chosen, validVocab, chunkBytes, ...capping };
    const actual = yield* gpu.submit((pass) => crossEntropy(pass, inputs, options));
    const expected = crossEntropyReference(
      { hidden, head, targets, ...weights ? { weights } : {} },
      scale,
      validVocab,
      softCap,
    );
    const expectedRows = Float64Array.from(
      beforeRows,
      (value, i) => value + expected.dHead[rowIds[Math.floor(i / width)]! * width + i % width]!,
    );
    const shardErrors = yield* Effect.forEach(table.shards, ({ from, to, gradient }) =>
      Effect.gen(function* () {
        if (!gradient) {
          return 0;
        }
        const [first, end] = [from * width, to * width];
        const own = expected.dHead.slice(first, end).map((v, i) =>
          v + before[first + i]!
        );
        return worst(yield* gpu.download(gradient), own);
      }));
    assert.ok(drawn.every((id, row) => id !== IGNORE || expected.losses[row] === 0));
    return {
      losses: worst(yield* gpu.download(actual.losses), expected.losses),
      logSumExp: worst(yield* gpu.download(actual.logSumExp), expected.logSumExp),
      dHidden: worst(yield* gpu.download(actual.dHidden!), expected.dHidden),
      dHead: Math.max(...shardErrors),
      dRows: worst(yield* gpu.download(chosen.dRows), expectedRows),
    };
  });

const mixed = [[200, "q8"], [512, "f16"], [517, "f32"]] as const;
const many = 151_936;

for (
  const of of [
    // One chunk; chunks of rows; chunks of rows and of ids, neither of which divides its axis.
    { rows: 1, vocab: 5, width: 4, chunkBytes: 1024 },
    { rows: 37, vocab: 321, width: 33, chunkBytes: 2 ** 20 },
    { rows: 37, vocab: 321, width: 33, chunkBytes: 2 ** 20, padded: 20 },
    { rows: 101, vocab: 321, width: 33, chunkBytes: 4 * 321 * 40 },
    { rows: 70, vocab: 321, width: 20, chunkBytes: 4 * 32 * 50, padded: 63 },
    // Shards: all logits kept; chunks of rows; parts of shards.
    { rows: 37, vocab: 517, width: 20, chunkBytes: 2 ** 20, shards: mixed },
    { rows: 101, vocab: 517, width: 33, chunkBytes: 4 * 517 * 40, shards: mixed, softCap: 30 },
    { rows: 70, vocab: 517, width: 33, chunkBytes: 4 * 32 * 50, shards: mixed, padded: 9 },
    // Weights, in chunks of rows and in chunks of both.
    { rows: 101, vocab: 321, width: 33, chunkBytes: 4 * 321 * 40, weighted: true },
    { rows: 70, vocab: 517, width: 33, chunkBytes: 4 * 32 * 50, shards: mixed, weighted: true },
    // A cap that leaves the logits nearly as they are, and one that most of them reach.
    { rows: 37, vocab: 321, width: 33, chunkBytes: 2 ** 20, softCap: 30 },
    { rows: 37, vocab: 321, width: 33, chunkBytes: 2 ** 20, softCap: 30, reach: 20 },
    {
      rows: 5,
      vocab: many + 1,
      width: 8,
      chunkBytes: 2 ** 20,
      shards: [[60_000, "bf16"], [120_000, "q8"], [many, "f16"], [many + 1, "f32"]],
      softCap: 30,
    },
  ] satisfies ReadonlyArray<Case>
) {
  const { rows, vocab, width, chunkBytes, ...rest } = of;
  onGpu(
    `crossEntropy() matches its f64 reference at [${rows}, ${width}] · [${vocab}, ${width}]ᵀ, ` +
      `chunks of ${chunkBytes} bytes, ${JSON.stringify(rest)}`,
    Effect.gen(function* () {
      const errors = yield* errorsOf(of);
      assert.ok(errors.losses < 1e-5 && errors.logSumExp < 1e-6, JSON.stringify(errors));
      const gradients = Math.max(errors.dHidden, errors.dHead, errors.dRows);
      // A hidden state's gradient is a sum over the vocabulary, in f32 and of terms of both signs.
      assert.ok(gradients < (vocab > 100_000 ? 3e-5 : 1e-5), JSON.stringify(errors));
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
  for (const cap of [undefined, 4]) {
    const { dHidden, dHead } = crossEntropyReference({ hidden, head, targets }, 0.5, 5, cap);
    const loss = (at: ArrayLike<number>, ofHead: ArrayLike<number>) => {
      const inputs = { hidden: at, head: ofHead, targets };
      const { losses } = crossEntropyReference(inputs, 0.5, 5, cap);
      return 0.5 * losses.reduce((sum, value) => sum + value, 0);
    };
    assert.ok(worst(dHidden, finiteDifference((at) => loss(at, head), hidden)) < 1e-8);
    assert.ok(worst(dHead, finiteDifference((at) => loss(hidden, at), head)) < 1e-8);
  }
});
