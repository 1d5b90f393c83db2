import assert from "node:assert/strict";
import { Effect } from "effect";
import { slotPrompts } from "../../fixtures/world/test_sets.ts";
import { makeTokenizer, type Tokenizer } from "../../src/data/tokenizer.ts";
import { comparedWord, fillSlots, vocabularyWords } from "../../src/evaluation/compared_words.ts";
import { distanceMetrics } from "../../src/evaluation/distance_metrics.ts";
import { distances, namedBlocks } from "../../src/evaluation/distances.ts";
import { hiddenStatesAt, type Place } from "../../src/evaluation/hidden_states.ts";
import { readRows, readStates, shareRows } from "../../src/evaluation/read_states.ts";
import { slotDistance } from "../../src/evaluation/slot_distance.ts";
import { measure } from "../../src/evaluation/vector_distance.ts";
import { downloadTable } from "../../src/models/download_table.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { loadModel } from "../../src/models/load_model.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { llama } from "../../src/models/llama.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { embeddingNames } from "../../src/nn/adapter_specs.ts";
import { platform } from "../../src/platform.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { tinyFiles } from "../support/tiny_tokenizer.ts";
import { families, readGolden } from "../support/tokenizer_goldens.ts";

const base = Effect.gen(function* () {
  const inF32 = { storage: "f32" } as const; // a row of it is set
  const { subject, tokenizer: known } = yield* loadModel("fixtures/base", undefined, inF32);
  const { tokenizer, ids: [token] } = known!.withTokens(["<sep>"]);
  const { decoder } = subject;
  const { hidden } = decoder.shape;
  const adapter = yield* makeAdapter(
    decoder,
    { rank: 4, alpha: 4, dropout: 0, targetModules: ["q_proj"], rsLora: false },
    1,
    { rows: { ids: [token!], input: uniform(hidden, 5), trained: false } },
  );
  return { subject: { decoder: adapter.decoder, adapter }, tokenizer, token: token! };
});

const slotsOf = (tokenizer: Tokenizer, token: number, count: number) =>
  Effect.forEach(
    slotPrompts(3, count),
    ({ messages }) =>
      Effect.map(
        tokenizer.render(messages("<sep>"), { addGenerationPrompt: true }),
        ({ ids }): Place => ({ ids, at: ids.indexOf(token) }),
      ),
  );

onGpu(
  "distances() in the slot equals slotDistance() at the first, the middle and the last block",
  Effect.gen(function* () {
    const { subject, tokenizer, token } = yield* base;
    const slots = yield* slotsOf(tokenizer, token, 24);
    const found = yield* distances(subject, tokenizer, slots);
    const { variants: { slot, row, bare } } = found;
    const metrics = distanceMetrics(found);
    for (const { word, last, mean } of slot.words) {
      const expected = yield* slotDistance(subject, slots, tokenizer.idOf(word)!);
      const found = namedBlocks(last);
      assert.equal(metrics[`l2_${word}_middle`], last[1]!.l2);
      for (const block of ["first", "middle", "last"] as const) {
        const error = Math.abs(found[block].l2 / expected[block] - 1);
        assert.ok(error < 1e-5, `${word} ${block}: ${found[block].l2}, ${expected[block]}`);
      }
      assert.equal(last.length, 4);
      assert.deepEqual(mean, last); // one token
    }
    assert.deepEqual(slot.words.map(({ word }) => word), ["json", "thought"]);
    assert.equal(slot.frequent.length, 20);
    assert.equal(slot.rankedAmong, 2 + slot.frequent.length + slot.formats.length);
    assert.equal(row.words[0]!.last.length, 1);
    assert.equal(metrics["bare_specificity_json_last"], bare.words[0]!.last[3]!.specificity.l2);
    assert.equal(metrics["row_rank_thought"], row.words[1]!.last[0]!.rank);
    assert.equal(Object.keys(metrics).length, 2 * 8 * (3 * 3 + 1));
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "distances() names the control words that the vocabulary lacks, and fails for a word that it lacks",
  Effect.gen(function* () {
    const { subject, tokenizer, token } = yield* base;
    const slots = yield* slotsOf(tokenizer, token, 2);
    const found = yield* distances(subject, tokenizer, slots, { rankIsolated: false });
    assert.deepEqual(found.leftOut, ["table", "yaml", "html", "csv", "markdown"]);
    assert.equal(found.token, "<sep>");
    const compared = found.variants.slot.rankedAmong;
    assert.equal(found.variants.isolated!.rankedAmong, compared);
    const options = { words: ["json", "yaml"] };
    const error = yield* Effect.flip(distances(subject, tokenizer, slots, options));
    assert.match(error.message, /"yaml"/);
    const two = [slots[0]!, { ids: [1, 2], at: 1 }];
    assert.throws(
      () => Effect.runSync(distances(subject, tokenizer, two) as never),
      /slots of one token/,
    );
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "distances() of rows and isolated tokens rank a word among the whole vocabulary, by brute force",
  Effect.gen(function* () {
    const { subject, tokenizer, token } = yield* base;
    const slots = yield* slotsOf(tokenizer, token, 1);
    const { variants: { row, isolated } } = yield* distances(subject, tokenizer, slots);
    const { hidden } = subject.decoder.shape;
    const table = yield* downloadTable(subject.decoder.embedding);
    const rowOf = (id: number) => table.subarray(id * hidden, (id + 1) * hidden);
    const words = vocabularyWords(tokenizer).filter((id) => id !== token);
    assert.equal(words.length, 225 - 7); // without <pad> … <unk>
    const states = yield* hiddenStatesAt(
      subject,
      [token, ...words].map((id) => ({ ids: [1, id], at: 1 })),
    );
    for (const word of ["json", "thought"]) {
      const id = tokenizer.idOf(word)!;
      const mine = measure(rowOf(token), rowOf(id));
      const nearer = words.filter((other) => measure(rowOf(token), rowOf(other)).l2 < mine.l2);
      const found = row.words.find((it) => it.word === word)!.last[0]!;
      assert.equal(found.rank, 1 + nearer.length);
      assert.ok(Math.abs(found.l2 - mine.l2) < 1e-6);
      for (const [block, state] of states.entries()) {
        const at = (index: number) => state.subarray(index * hidden, (index + 1) * hidden);
        const distance = (index: number) => measure(at(0), at(index)).l2;
        const own = distance(1 + words.indexOf(id));
        const nearer = words.filter((_, index) => distance(index + 1) < own);
        const found = isolated!.words.find((it) => it.word === word)!.last[block]!;
        assert.equal(found.rank, 1 + nearer.length);
        assert.ok(Math.abs(found.l2 / own - 1) < 1e-5);
      }
    }
    assert.equal(row.rankedAmong, words.length);
    assert.equal(isolated!.rankedAmong, words.length);
  }).pipe(Effect.provide(platform)),
);

const smallModel = Effect.gen(function* () {
  const shape = yield* llama.decode({
    ...{ vocab_size: 24, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 3 },
    ...{ num_attention_heads: 2, num_key_value_heads: 1, max_position_embeddings: 32 },
  });
  const decoder = yield* loadDecoder(llama, shape, randomWeights(llama, shape, 9));
  const tokenizer = yield* makeTokenizer(tinyFiles());
  const { tokenizer: extended, ids } = tokenizer.withTokens(["<sep>"]);
  return { subject: { decoder }, tokenizer: extended, token: ids[0]! };
});

onGpu(
  "distances() of a word of two tokens takes the last, and the mean of both, at every occurrence",
  Effect.gen(function* () {
    const { subject, tokenizer, token } = yield* smallModel;
    const { hidden } = subject.decoder.shape;
    const prompts = ["use <sep> . the format is <sep> .", "the <sep> format"].map((text) =>
      tokenizer.encode(`<s> ${text}`)
    );
    const slots = prompts.map((ids) => ({ ids, at: ids.indexOf(token) }));
    const { variants: { slot, bare } } = yield* distances(subject, tokenizer, slots, {
      ...{ words: ["red json"], frequent: ["the", "what"], formats: ["format"] },
    });
    const filled = ["use red json . the format is red json .", "the red json format"].map((text) =>
      tokenizer.encode(`<s> ${text}`)
    );
    const read = (ids: ReadonlyArray<number>, at: number) => hiddenStatesAt(subject, [{ ids, at }]);
    // Prompt, place of the token, places of the word's two.
    const pairs = [[0, 2, 2, 3], [0, 7, 8, 9], [1, 2, 2, 3]] as const;
    const found = slot.words[0]!;
    assert.equal(found.ids.length, 2);
    for (let block = 0; block < 3; block++) {
      let [last, mean] = [0, 0];
      for (const [prompt, place, first, second] of pairs) {
        const own = (yield* read(prompts[prompt]!, place))[block]!;
        const one = (yield* read(filled[prompt]!, first))[block]!;
        const two = (yield* read(filled[prompt]!, second))[block]!;
        last += measure(own, two).l2 / 3;
        mean += measure(own, one.map((value, i) => (value + two[i]!) / 2)).l2 / 3;
      }
      assert.ok(Math.abs(found.last[block]!.l2 - last) < 1e-5 * last);
      assert.ok(Math.abs(found.mean[block]!.l2 - mean) < 1e-5 * mean);
      const others = [...slot.frequent, ...slot.formats].map((other) => other.last[block]!.l2);
      const { specificity, formatSpecificity, rank, l2 } = found.last[block]!;
      const meanOther = others.reduce((sum, other) => sum + other, 0) / 3;
      assert.ok(Math.abs(specificity.l2 - (meanOther - l2)) < 1e-9);
      assert.ok(Math.abs(formatSpecificity.l2 - (others[2]! - l2)) < 1e-9);
      assert.equal(rank, 1 + others.filter((other) => other < l2).length);
    }
    const [own, word] = [yield* read([token], 0), yield* read(found.ids, 1)];
    assert.equal(own[0]!.length, hidden);
    const alone = measure(own[1]!, word[1]!).l2;
    assert.ok(Math.abs(bare.words[0]!.last[1]!.l2 - alone) < 1e-5 * alone);
  }),
);

onGpu(
  "readStates() computes a shared beginning once and reads what each sequence alone would give",
  Effect.gen(function* () {
    const { subject } = yield* smallModel;
    const sequences = [[2, 7, 8, 9], [2, 7, 8, 10, 11], [2, 7, 12], [3, 7, 8, 9], [2, 7, 8, 9]];
    const shared = shareRows(sequences);
    assert.equal(shared.tokens.length, 4 + 2 + 1 + 4);
    assert.deepEqual(shared.rowsOf[4], shared.rowsOf[0]);
    const places = sequences.map((ids) => ({ ids, at: ids.length - 1 }));
    const expected = yield* hiddenStatesAt(subject, places);
    const order: number[] = [];
    yield* readStates(
      subject,
      places.map(({ ids, at }) => ({ ids, at: [0, at] })),
      (index, state) => {
        order.push(index);
        for (const [layer, all] of expected.entries()) {
          const wanted = all.subarray(index * 16, (index + 1) * 16);
          assert.ok(worst(state(layer, 1), Float64Array.from(wanted)) < 1e-5);
        }
      },
    );
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
    const long = { ids: new Array(33).fill(2), at: [0] };
    const error = yield* Effect.flip(readStates(subject, [long], () => {}));
    assert.match(error.message, /33 positions but the model has 32/);
  }),
);

onGpu(
  "readRows() reads rows with the embedding's adapter on them",
  Effect.gen(function* () {
    const { subject: { decoder } } = yield* smallModel;
    const table = yield* downloadTable(decoder.embedding);
    const [a, b] = [uniform(24 * 2, 1), uniform(16 * 2, 2)];
    const adapter = yield* makeAdapter(
      decoder,
      { rank: 2, alpha: 6, dropout: 0, targetModules: ["embed_tokens"], rsLora: false },
      1,
      { saved: new Map([[embeddingNames.a, a], [embeddingNames.b, b]]) },
    );
    yield* readRows({ decoder: adapter.decoder, adapter }, [7], (_, row) => {
      const expected = Float64Array.from(
        row,
        (_, i) => table[7 * 16 + i]! + 3 * (a[7 * 2]! * b[i * 2]! + a[7 * 2 + 1]! * b[i * 2 + 1]!),
      );
      assert.ok(worst(row, expected) < 1e-6);
    });
  }),
);

onGpu(
  "readRows() reads embedding rows in the order asked for",
  Effect.gen(function* () {
    const { subject } = yield* smallModel;
    const table = yield* downloadTable(subject.decoder.embedding);
    const ids = [5, 3, 5, 20];
    let count = 0;
    yield* readRows(subject, ids, (index, row) => {
      count++;
      assert.deepEqual([...row], [...table.subarray(ids[index]! * 16, (ids[index]! + 1) * 16)]);
    });
    assert.equal(count, 4);
  }),
);

Deno.test("namedBlocks() takes the first, block ⌈n / 2⌉ and the last", () => {
  assert.deepEqual(namedBlocks([1]), { first: 1, middle: 1, last: 1 });
  assert.deepEqual(namedBlocks([1, 2, 3]), { first: 1, middle: 2, last: 3 });
  assert.deepEqual(namedBlocks([1, 2, 3, 4]), { first: 1, middle: 2, last: 4 });
});

Deno.test("fillSlots() replaces every occurrence, gives back the word's places and cuts behind the last", () => {
  const tokenizer = Effect.runSync(makeTokenizer(tinyFiles()));
  assert.deepEqual(fillSlots(tokenizer, [2, 99, 7, 99, 8], 99, [11, 12]), {
    ids: [2, 11, 12, 7, 11, 12],
    at: [[1, 2], [4, 5]],
  });
});

Deno.test("fillSlots() lets a word bring its own space, where a token of one stood before the slot", () => {
  const spelled = ["a", "Ġ", "Ġjson", "json"];
  const tokenizer = { tokenOf: (id: number) => spelled[id] } as Tokenizer;
  assert.deepEqual(fillSlots(tokenizer, [0, 1, 99, 0], 99, [2]), { ids: [0, 2], at: [[1]] });
  assert.deepEqual(fillSlots(tokenizer, [0, 1, 99, 0], 99, [3]), { ids: [0, 1, 3], at: [[2]] });
  assert.deepEqual(fillSlots(tokenizer, [0, 99, 0], 99, [2]), { ids: [0, 2], at: [[1]] });
});

Deno.test("comparedWord() is the word's tokens in the middle of a text", () => {
  const encode = (text: string) => {
    if (text === "json") return [3];
    return text === "json json" ? [3, 2] : [];
  };
  const found = Effect.runSync(comparedWord({ encode } as unknown as Tokenizer, "json"));
  assert.deepEqual(found, { word: "json", ids: [2] });
});

Deno.test("fillSlots() cuts the text as if the word had always stood there, in every family", () => {
  for (const family of families) {
    const { tokenizer: json, config } = readGolden(family);
    const base = Effect.runSync(makeTokenizer({ tokenizer: json, config }));
    const { tokenizer, ids: [token] } = base.withTokens(["<sep>"]);
    const word = Effect.runSync(comparedWord(tokenizer, "hello"));
    const filled = fillSlots(tokenizer, tokenizer.encode("say <sep> now"), token!, word.ids);
    assert.deepEqual(filled.ids, tokenizer.encode("say hello"), family);
  }
});
