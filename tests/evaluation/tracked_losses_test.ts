import assert from "node:assert/strict";
import { Effect } from "effect";
import type { Example } from "../../src/data/example.ts";
import { makeTokenizer, type Tokenizer } from "../../src/data/tokenizer.ts";
import { batchesOf } from "../../src/evaluation/example_batches.ts";
import { exampleLosses } from "../../src/evaluation/example_losses.ts";
import { readSequence } from "../../src/evaluation/read_sequence.ts";
import {
  firstAssistantToken,
  keyQuotes,
  openingBrace,
  textHolds,
  tokenIs,
} from "../../src/evaluation/token_pickers.ts";
import { meanLoss, trackedLosses } from "../../src/evaluation/tracked_losses.ts";
import { llama } from "../../src/models/llama.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { onGpu } from "../support/on_gpu.ts";
import { tinyFiles } from "../support/tiny_tokenizer.ts";

const smallModel = Effect.gen(function* () {
  const shape = yield* llama.decode({
    ...{ vocab_size: 24, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2 },
    ...{ num_attention_heads: 2, max_position_embeddings: 2500 },
  });
  return { decoder: yield* loadDecoder(llama, shape, randomWeights(llama, shape, 9)) };
});

const example = (ids: ReadonlyArray<number>, labels: ReadonlyArray<number>): Example => ({
  ids,
  supervised: ids.map((_, at) => labels.includes(at)),
});

const examples = [
  example([2, 4, 9, 11, 5, 9, 12, 3], [5, 6, 7]),
  example([2, 4, 10, 5, 10, 3], [4, 5]), // without a 9
  example([9, 4, 9, 9, 5, 9, 3, 4, 9, 5, 13, 3], [5, 6, 10, 11]),
];

onGpu(
  "trackedLosses() gives −ln p of each token picked, labels and prompt apart, example by example",
  Effect.gen(function* () {
    const subject = yield* smallModel;
    const { nine, first } = yield* trackedLosses(subject, examples, {
      nine: tokenIs(9),
      first: firstAssistantToken,
    });
    const placesOf = (series: typeof nine.prompt) => series.map(({ example, at }) => [example, at]);
    assert.deepEqual(placesOf(nine.supervised), [[0, 5], [2, 5]]);
    assert.deepEqual(placesOf(nine.prompt), [[0, 2], [2, 2], [2, 3], [2, 8]]); // none at 0
    assert.deepEqual(placesOf(first.supervised), [[0, 5], [1, 4], [2, 5], [2, 10]]);
    assert.deepEqual(first.prompt, []);
    for (const { example, at, id, loss } of [...nine.supervised, ...nine.prompt]) {
      const { ids } = examples[example]!;
      const { logits } = yield* readSequence(subject, ids);
      const row = [...logits.subarray((at - 1) * 24, at * 24)];
      const expected = Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0)) - row[ids[at]!]!;
      assert.equal(id, 9);
      assert.ok(Math.abs(loss - expected) < 1e-5, `${example}, ${at}: ${loss}, ${expected}`);
    }
    const sum = nine.prompt.reduce((sum, { loss }) => sum + loss, 0);
    assert.ok(Math.abs(meanLoss(nine.prompt) - sum / 4) < 1e-9);
    assert.ok(Number.isNaN(meanLoss(first.prompt)));
  }),
);

onGpu(
  "trackedLosses() of every label sum to the loss of the example, over more than one batch",
  Effect.gen(function* () {
    const subject = yield* smallModel;
    const long = Array.from({ length: 1500 }, (_, i) => (i * 7) % 24);
    const many = [...examples, example(long, [700, 1400]), example(long, [3]), ...examples];
    const { all } = yield* trackedLosses(subject, many, {
      all: ({ ids }) => ids.map((_, at) => at),
    });
    const expected = yield* exampleLosses(subject, many);
    for (const [index, { sum }] of expected.entries()) {
      const own = all.supervised.filter(({ example }) => example === index);
      assert.ok(Math.abs(own.reduce((total, { loss }) => total + loss, 0) - sum) < 1e-4);
    }
    const tokens = many.reduce((sum, { ids }) => sum + ids.length - 1, 0);
    assert.equal(all.supervised.length + all.prompt.length, tokens);
    const { none } = yield* trackedLosses(subject, many, { none: () => [] });
    assert.deepEqual(none, { supervised: [], prompt: [] });
  }),
);

const pieces = (texts: ReadonlyArray<string>) => ({
  tokenizer: { decode: ([id]: ReadonlyArray<number>) => texts[id!]! } as Tokenizer,
  // The first token is the prompt's.
  example: example(texts.map((_, id) => id), texts.slice(1).map((_, index) => index + 1)),
});

Deno.test("openingBrace() and keyQuotes() find the tokens of an answer, apostrophes and values apart", () => {
  const { tokenizer, example } = pieces(
    [
      "{ 'no' :",
      "{",
      " '",
      "thought",
      "': ",
      `'it's, '`,
      `fine'`,
      ", '",
      "a",
      "'",
      ": [",
      "'b', ",
      "'c'",
    ],
  );
  assert.deepEqual(openingBrace(tokenizer)(example), [1]);
  assert.deepEqual(keyQuotes(tokenizer)(example), [2, 7]);
  const { tokenizer: merged, example: answer } = pieces([
    "<s>",
    "Sure: ",
    "{'",
    "a':'b','c",
    "': 1}",
  ]);
  assert.deepEqual(openingBrace(merged)(answer), [2]);
  assert.deepEqual(keyQuotes(merged)(answer), [2, 3]);
  assert.deepEqual(openingBrace(merged)({ ...answer, supervised: [] }), []);
});

Deno.test("firstAssistantToken(), tokenIs() and textHolds() pick in every turn, prompts included", () => {
  const tokenizer = Effect.runSync(makeTokenizer(tinyFiles()));
  const ids = tokenizer.encode(
    "<s> <user> red <assistant> red json </s> <user> reds <assistant> is </s>",
  );
  const answer = example(ids, [4, 5, 6, 10, 11]);
  assert.deepEqual(firstAssistantToken(answer), [4, 10]);
  assert.deepEqual(tokenIs(tokenizer.idOf("red")!)(answer), [2, 4]);
  assert.deepEqual(textHolds(tokenizer, "red")(answer), [2, 4, 8]);
});

Deno.test("batchesOf() fills batches in order, and gives one that is too long a batch of its own", () => {
  const lengths = [1000, 1000, 48, 1, 3000, 2048, 5];
  const batches = batchesOf(lengths.map((length) => ({ ids: new Array<number>(length).fill(0) })));
  assert.deepEqual(batches.map((batch) => batch.map(({ ids }) => ids.length)), [
    ...[[1000, 1000, 48], [1], [3000], [2048], [5]],
  ]);
});
