import assert from "node:assert/strict";
import { Effect } from "effect";
import { llama } from "../../src/models/llama.ts";
import { takeTables } from "../../src/models/saved_tables.ts";
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "../../src/weights/f16.ts";
import type { Adapter } from "../../src/weights/stored_adapter.ts";
import { type HostTensor, memoryWeights } from "../../src/weights/weights.ts";
import { uniform } from "../support/numbers.ts";
import { shapeOf } from "./decoding.ts";

// A base of five tokens, and what PEFT 0.21.2 saves beside an adapter on it: whole tables, whose
// vocabulary may have been resized in memory.
const [vocab, hidden] = [5, 4];
type Rows = ReadonlyArray<ReadonlyArray<number>>;
const rowsOf = (count: number, seed: number): Rows =>
  Array.from({ length: count }, (_, row) => [...uniform(hidden, 10 * seed + row)]);
const tensorOf = (...rows: Rows): HostTensor => ({
  shape: [rows.length, hidden],
  data: Float32Array.from(rows.flat()),
});
const [input, head] = [rowsOf(vocab, 1), rowsOf(vocab, 2)];
const [further, furtherHead] = [rowsOf(2, 3), rowsOf(2, 4)];
const [trained, trainedHead] = [rowsOf(2, 5), rowsOf(2, 6)];

const baseOf = (tied: boolean) => ({
  architecture: llama,
  shape: shapeOf(llama, {
    ...{ vocab_size: vocab, hidden_size: hidden, intermediate_size: 4, num_hidden_layers: 1 },
    ...{ num_attention_heads: 1, tie_word_embeddings: tied },
  }),
  weights: memoryWeights({
    "model.embed_tokens.weight": tensorOf(...input),
    ...tied ? {} : { "lm_head.weight": tensorOf(...head) },
  }),
});

const plain: Adapter = {
  rank: 2,
  alpha: 4,
  dropout: 0,
  rsLora: false,
  base: { model: "" },
  linears: new Map(),
};
const adapterOf = (
  tables: Readonly<Record<string, HostTensor>>,
  ids?: ReadonlyArray<number>,
  output?: Rows,
): Adapter => ({
  ...plain,
  ...Object.keys(tables).length > 0 ? { tables: new Map(Object.entries(tables)) } : {},
  ...ids
    ? {
      rows: {
        tokens: ids.map((id) => ({ id })),
        input: tensorOf(...trained.slice(0, ids.length)),
        ...output ? { output: tensorOf(...output) } : {},
      },
    }
    : {},
});
const [embedTokens, lmHead] = ["model.embed_tokens", "lm_head"];
const resized = { [embedTokens]: tensorOf(...input, ...further) };
const resizedTied = { ...resized, [lmHead]: tensorOf(...input, ...further) };
const resizedBoth = { ...resized, [lmHead]: tensorOf(...head, ...furtherHead) };

const take = (tied: boolean, adapter: Adapter) =>
  Effect.runSync(takeTables(baseOf(tied), "x", adapter));

Deno.test("takeTables() takes trained rows of a resized vocabulary, and nothing of a tied head", () => {
  const expected = adapterOf({}, [5, 6]);
  assert.deepEqual(take(true, adapterOf(resizedTied, [5, 6])), expected);
  assert.deepEqual(take(true, adapterOf(resizedTied, [5, 6], trained)), expected);
});

Deno.test("takeTables() takes an untied head's rows of the trained tokens from its table", () => {
  const expected = adapterOf({}, [5, 6], furtherHead);
  assert.deepEqual(take(false, adapterOf(resizedBoth, [5, 6])), expected);
});

Deno.test("takeTables() takes an untied head's own trained rows before those of its table", () => {
  const expected = adapterOf({}, [5, 6], trainedHead);
  assert.deepEqual(take(false, adapterOf(resizedBoth, [5, 6], trainedHead)), expected);
  assert.deepEqual(take(false, adapterOf({}, [5, 6], trainedHead)), expected);
});

Deno.test("takeTables() keeps the order of trained tokens, and puts rows that are not trained behind", () => {
  const { rows } = take(false, adapterOf(resizedBoth, [6, 2]));
  assert.deepEqual(rows, {
    tokens: [{ id: 6 }, { id: 2 }, { id: 5 }],
    input: tensorOf(...trained, further[0]!),
    output: tensorOf(furtherHead[1]!, head[2]!, furtherHead[0]!),
  });
});

Deno.test("takeTables() takes all rows of a resized vocabulary of which none is trained", () => {
  const tokens = [{ id: 5 }, { id: 6 }];
  assert.deepEqual(take(true, adapterOf(resizedTied)).rows, {
    tokens,
    input: tensorOf(...further),
  });
  assert.deepEqual(take(false, adapterOf(resizedBoth)).rows, {
    tokens,
    input: tensorOf(...further),
    output: tensorOf(...furtherHead),
  });
});

Deno.test("takeTables() leaves an adapter as it is whose tables are the base's, or that has none", () => {
  const tables = { [embedTokens]: tensorOf(...input), [lmHead]: tensorOf(...head) };
  assert.deepEqual(take(false, adapterOf(tables)), plain);
  assert.deepEqual(take(false, adapterOf({}, [2, 3])), adapterOf({}, [2, 3]));
  assert.deepEqual(take(true, adapterOf({}, [6, 5])), adapterOf({}, [6, 5]));
});

Deno.test("takeTables() takes tables in which a trained token of the base began elsewhere", () => {
  const began = (rows: Rows, row: ReadonlyArray<number>) => tensorOf(...rows.with(3, row));
  const tables = {
    [embedTokens]: began(input, further[0]!),
    [lmHead]: began(head, furtherHead[0]!),
  };
  const expected = adapterOf({}, [3], [furtherHead[0]!]);
  assert.deepEqual(take(false, adapterOf(tables, [3])), expected);
});

Deno.test("takeTables() takes tables in half precision", () => {
  for (
    const half of [
      (f: Float32Array) => f16ToF32(f32ToF16(f)),
      (f: Float32Array) => bf16ToF32(f32ToBf16(f)),
    ]
  ) {
    const { shape, data } = tensorOf(...input);
    assert.deepEqual(take(true, adapterOf({ [embedTokens]: { shape, data: half(data) } })), plain);
  }
});

Deno.test("takeTables() takes tables whose padding was cut away", () => {
  const tables = {
    [embedTokens]: tensorOf(...input.slice(0, 4)),
    [lmHead]: tensorOf(...head.slice(0, 4)),
  };
  assert.deepEqual(take(false, adapterOf(tables, [3])), adapterOf({}, [3], [head[3]!]));
});

const other = (rows: Rows, row: number) => tensorOf(...rows.with(row, trained[0]!));
const refused: ReadonlyArray<readonly [string, boolean, Adapter, string]> = [
  [
    "an embedding of another base",
    true,
    adapterOf({ [embedTokens]: other(input, 1) }, [3]),
    "of a base whose model.embed_tokens is this model's but is of another model.embed_tokens: " +
    "row 1 is not trained and differs",
  ],
  [
    "a head of another base",
    false,
    adapterOf({ ...resized, [lmHead]: other([...head, ...furtherHead], 4) }, [5, 6]),
    "of a base whose lm_head is this model's but is of another lm_head: " +
    "row 4 is not trained and differs",
  ],
  [
    "a tied head with other new rows than its embedding's",
    true,
    adapterOf({ ...resized, [lmHead]: tensorOf(...input, ...furtherHead) }),
    "of a head that is tied, as the base's is but is with a head of its own",
  ],
  [
    "a tied head with other trained rows than its embedding's",
    true,
    adapterOf({}, [5, 6], trainedHead),
    "of a head that is tied, as the base's is but is with a head of its own",
  ],
  [
    "new tokens without rows of an untied head",
    false,
    adapterOf(resized, [5, 6]),
    "with lm_head's row of each token behind the base's 5 but is without that of 5",
  ],
  [
    "a resized head without its embedding",
    false,
    adapterOf({ [lmHead]: tensorOf(...head, ...furtherHead) }),
    "with model.embed_tokens's row of each token behind the base's 5 but is without that of 5",
  ],
  [
    "a gap between the base's rows and the trained ones",
    true,
    adapterOf({}, [5, 1_000_000_000]),
    "with a row for each token behind the base's 5 but is without 6",
  ],
];

for (const [what, tied, adapter, problem] of refused) {
  Deno.test(`takeTables() refuses ${what}`, () => {
    const error = Effect.runSync(Effect.flip(takeTables(baseOf(tied), "x", adapter)));
    assert.equal(error.message, `x: adapter should be ${problem}`);
  });
}

Deno.test("takeTables() refuses a table of another width", () => {
  const adapter = adapterOf({ [lmHead]: { shape: [5, 3], data: new Float32Array(15) } });
  const { message } = Effect.runSync(Effect.flip(takeTables(baseOf(false), "x", adapter)));
  assert.equal(message, "lm_head should be [5,4] but is [5,3]");
});
