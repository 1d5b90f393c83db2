import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { klDivergence, klDivergenceReference } from "../../src/ops/kl_divergence.ts";
import { wholeTable } from "../../src/ops/vocabulary_table.ts";
import type { StorageFormat } from "../../src/weights/pack.ts";
import { finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { uploadTable } from "../support/tables.ts";

const problem = (rows: number, vocab: number, width: number) => ({
  hidden: uniform(rows * width, 1).map((value) => value * 3),
  baseHidden: uniform(rows * width, 6).map((value) => value * 3),
  head: uniform(vocab * width, 2).map((value) => value * 2),
  counted: Uint32Array.from({ length: rows }, (_, row) => row % 3 === 1 ? 0 : 1),
});

interface Case {
  readonly rows: number;
  readonly vocab: number;
  readonly width: number;
  readonly chunkBytes: number;
  /** Ids at the end that do not exist. */
  readonly padded?: number;
  readonly softCap?: number;
  /** Ends and formats of the head's shards; one in f32 must hold the last existing id. */
  readonly shards?: ReadonlyArray<readonly [to: number, format: StorageFormat]>;
}

/** Worst errors of everything that klDivergence() computes; the last existing row differs. */
const errorsOf = ({ rows, vocab, width, chunkBytes, padded = 0, softCap, ...of }: Case) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const scale = 0.3;
    const validVocab = vocab - padded;
    const { head: drawnHead, ...drawn } = problem(rows, vocab, width);
    const id = validVocab - 1;
    const plan = (of.shards ?? [[vocab, "f32"] as const]).map(([to, format]) => ({ to, format }));
    const { table, values: head } = yield* uploadTable(drawnHead, width, plan);
    const ownRow = (of: Float64Array, row: Float32Array) =>
      Float64Array.from(of, (v, i) => Math.floor(i / width) === id ? row[i % width]! : v);
    const [tunedRow, baseRow] = [uniform(width, 7), uniform(width, 8)];
    const before = { dHidden: uniform(rows * width, 3), dRows: uniform(width, 4) };
    const differing = {
      rowIds: yield* gpu.upload(Uint32Array.of(id), [1]),
      tuned: yield* gpu.upload(tunedRow, [1, width]),
      base: yield* gpu.upload(baseRow, [1, width]),
      gradient: yield* gpu.upload(before.dRows, [1, width]),
    };
    const inputs = {
      hidden: yield* gpu.upload(drawn.hidden, [rows, width]),
      baseHidden: yield* gpu.upload(drawn.baseHidden, [rows, width]),
      head: table,
      differing,
      counted: yield* gpu.upload(drawn.counted, [rows]),
    };
    const dHidden = yield* gpu.upload(before.dHidden, [rows, width]);
    const capping = softCap === undefined ? {} : { softCap };
    const options = { scale, validVocab, chunkBytes, ...capping };
    const divergences = yield* gpu.submit((pass) => klDivergence(pass, inputs, dHidden, options));
    const expected = klDivergenceReference(
      { ...drawn, head: ownRow(head, tunedRow), baseHead: ownRow(head, baseRow) },
      scale,
      validVocab,
      softCap,
    );
    const added = (to: Float32Array, part: Float64Array) => part.map((v, i) => v + to[i]!);
    const dRow = expected.dHead.slice(id * width, (id + 1) * width);
    return {
      divergences: worst(yield* gpu.download(divergences), expected.divergences),
      dHidden: worst(yield* gpu.download(dHidden), added(before.dHidden, expected.dHidden)),
      dRows: worst(yield* gpu.download(differing.gradient), added(before.dRows, dRow)),
    };
  });

const mixed = [[200, "q8"], [512, "f16"], [517, "f32"]] as const;
const many = 151_936;

for (
  const of of [
    // One chunk; chunks of rows; chunks of rows and of ids, neither of which divides its axis.
    { rows: 1, vocab: 5, width: 4, chunkBytes: 1024 },
    { rows: 37, vocab: 321, width: 33, chunkBytes: 2 ** 20, padded: 20 },
    { rows: 101, vocab: 321, width: 33, chunkBytes: 8 * 321 * 40 },
    { rows: 70, vocab: 321, width: 20, chunkBytes: 8 * 32 * 50, padded: 63 },
    // Shards: all logits kept; chunks of rows; parts of shards.
    { rows: 37, vocab: 517, width: 20, chunkBytes: 2 ** 20, shards: mixed },
    { rows: 101, vocab: 517, width: 33, chunkBytes: 8 * 517 * 40, shards: mixed, softCap: 30 },
    { rows: 70, vocab: 517, width: 33, chunkBytes: 8 * 32 * 50, shards: mixed, padded: 2 },
    // A cap that most logits reach.
    { rows: 37, vocab: 321, width: 33, chunkBytes: 2 ** 20, softCap: 4 },
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
    `klDivergence() matches its f64 reference at [${rows}, ${width}] · [${vocab}, ${width}]ᵀ, ` +
      `chunks of ${chunkBytes} bytes, ${JSON.stringify(rest)}`,
    Effect.gen(function* () {
      const errors = yield* errorsOf(of);
      assert.ok(errors.divergences < 1e-5, JSON.stringify(errors));
      // Logits of 30 are exact to 2e-6, and the gradient holds their differences' own differences.
      assert.ok(Math.max(errors.dHidden, errors.dRows) < 5e-5, JSON.stringify(errors));
    }),
  );
}

onGpu(
  "klDivergence() of a model and itself is 0, and so is its gradient",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { hidden, head, counted } = problem(9, 50, 8);
    const states = yield* gpu.upload(hidden, [9, 8]);
    const inputs = {
      hidden: states,
      baseHidden: states,
      head: wholeTable(yield* gpu.upload(head, [50, 8])),
      counted: yield* gpu.upload(counted, [9]),
    };
    const dHidden = yield* gpu.upload(new Float32Array(72), [9, 8]);
    const divergences = yield* gpu.submit((pass) =>
      klDivergence(pass, inputs, dHidden, { scale: 1 })
    );
    assert.ok((yield* gpu.download(divergences)).every((value) => value === 0));
    assert.ok((yield* gpu.download(dHidden)).every((value) => value === 0));
  }),
);

Deno.test("klDivergenceReference() has the slope of its divergences, which are never negative", () => {
  const { head, ...rest } = problem(4, 6, 3);
  const baseHead = uniform(18, 9);
  for (const cap of [undefined, 4]) {
    const of = (hidden: ArrayLike<number>, table: ArrayLike<number>) =>
      klDivergenceReference({ ...rest, hidden, head: table, baseHead }, 0.5, 5, cap);
    const loss = (hidden: ArrayLike<number>, table: ArrayLike<number>) =>
      0.5 * of(hidden, table).divergences.reduce((sum, value) => sum + value, 0);
    const { divergences, dHidden, dHead } = of(rest.hidden, head);
    assert.ok(divergences.every((value, row) => rest.counted[row] === 0 ? value === 0 : value > 0));
    assert.ok(worst(dHidden, finiteDifference((at) => loss(at, head), rest.hidden)) < 1e-8);
    assert.ok(worst(dHead, finiteDifference((at) => loss(rest.hidden, at), head)) < 1e-8);
  }
});
