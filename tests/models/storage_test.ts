import assert from "node:assert/strict";
import { Effect, Stream } from "effect";
import { pretrainingItem } from "../../fixtures/world/item.ts";
import { encodeChat } from "../../src/data/example.ts";
import { readTokenizer } from "../../src/data/tokenizer_files.ts";
import { exampleLosses } from "../../src/evaluation/example_losses.ts";
import { readSequence } from "../../src/evaluation/read_sequence.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { loadDecoder, type LoadOptions } from "../../src/models/load_decoder.ts";
import { openModel } from "../../src/models/open_model.ts";
import { makeAdapter, type Subject } from "../../src/nn/adapter.ts";
import { isPacked } from "../../src/ops/unpack.ts";
import { platform } from "../../src/platform.ts";
import { train } from "../../src/training/train.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { tinyOptions } from "../training/tiny.ts";
import { goldenNames, openGolden } from "./golden.ts";

const base = "fixtures/base";

const loadBase = (options: LoadOptions) =>
  Effect.gen(function* () {
    const { architecture, shape, weights } = yield* openModel(base);
    return yield* loadDecoder(architecture, shape, weights, options);
  });

/** The first chats of the miniature world that the base model has not seen. */
const worldExamples = (count: number) =>
  Effect.gen(function* () {
    const tokenizer = yield* readTokenizer(base);
    return yield* Effect.forEach(
      Array.from({ length: count }, (_, index) => pretrainingItem(77, 1_000_000 + index)),
      ({ messages }) => encodeChat(tokenizer, { messages }, { maxTokens: 256 }),
    );
  });

const meanLoss = (subject: Subject, examples: Parameters<typeof exampleLosses>[1]) =>
  Effect.map(exampleLosses(subject, examples), (losses) => {
    const sum = losses.reduce((total, { sum }) => total + sum, 0);
    return sum / losses.reduce((total, { supervisedTokens }) => total + supervisedTokens, 0);
  });

onGpu(
  "loadDecoder() keeps the fixture's loss: the same in f16, within 1 % in bf16 and q8",
  Effect.gen(function* () {
    // Every token counts: of its answers alone the model is so sure that the loss is 0.0002.
    const examples = (yield* worldExamples(128)).map(({ ids }) => ({
      ids,
      supervised: ids.map(() => true),
    }));
    const exact = yield* meanLoss({ decoder: yield* loadBase({ storage: "f32" }) }, examples);
    // The fixture is stored as f16: that loses nothing.
    for (const [storage, limit] of [["f16", 1e-6], ["bf16", 1e-3], ["q8", 1e-2]] as const) {
      const loss = yield* meanLoss({ decoder: yield* loadBase({ storage }) }, examples);
      const off = Math.abs(loss / exact - 1);
      assert.ok(off < limit, `${storage}: ${loss} for ${exact}`);
    }
  }).pipe(Effect.provide(platform)),
);

for (const name of goldenNames()) {
  onGpu(
    `loadDecoder() gives the logits of ${name} from packed weights, as far as they are exact`,
    Effect.gen(function* () {
      const { architecture, shape, weights, base: { sequences } } = yield* openGolden(name);
      const logitsOf = (options: LoadOptions) =>
        Effect.gen(function* () {
          const decoder = yield* loadDecoder(architecture, shape, weights, options);
          return (yield* readSequence({ decoder }, sequences[0]!.ids)).logits;
        });
      const exact = yield* logitsOf({});
      for (const [storage, limit] of [["f16", 5e-3], ["bf16", 5e-2], ["q8", 8e-2]] as const) {
        const error = worst(yield* logitsOf({ storage }), exact);
        assert.ok(error < limit && error > 0, `${storage}: worst error ${error}`);
      }
    }).pipe(Effect.provide(platform)),
  );
}

for (const name of ["llama_tied", "llama_untied"]) {
  onGpu(
    `loadDecoder() gives the same logits of ${name} however its tables are cut`,
    Effect.gen(function* () {
      const { architecture, shape, weights, base: { sequences } } = yield* openGolden(name);
      const { ids } = sequences[0]!;
      for (const storage of ["f32", "q8"] as const) {
        const whole = yield* loadDecoder(architecture, shape, weights, { storage });
        const shardBytes = 4 * shape.hidden * 40; // 40 rows a shard
        const cut = yield* loadDecoder(architecture, shape, weights, { storage, shardBytes });
        assert.equal(whole.embedding.shards.length, 1);
        assert.equal(cut.embedding.shards.length, Math.ceil(shape.vocab / 40));
        assert.equal(cut.head === cut.embedding, shape.tiedHead);
        const [expected, actual] = [
          yield* readSequence({ decoder: whole }, ids),
          yield* readSequence({ decoder: cut }, ids),
        ];
        const error = worst(actual.logits, expected.logits);
        assert.ok(error < 1e-6, `${storage}: worst error ${error}`);
      }
    }).pipe(Effect.provide(platform)),
  );
}

onGpu(
  "loadDecoder() leaves rows of new tokens f32 in packed tables, and they keep what is written",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    for (const name of ["llama_tied", "llama_untied"]) {
      const { architecture, shape, weights } = yield* openGolden(name);
      const newIds = [7, shape.vocab + 1];
      const decoder = yield* loadDecoder(architecture, shape, weights, { storage: "q8", newIds });
      for (const table of [decoder.embedding, decoder.head]) {
        for (const { from, to, rows } of table.shards) {
          const isNew = newIds.some((id) => from <= id && id < to);
          assert.equal(isPacked(rows), !isNew, `${name} [${from}, ${to})`);
        }
      }
      const input = uniform(2 * shape.hidden, 1).map((x) => x + 1e-6);
      const options = { rank: 2, alpha: 2, dropout: 0, rsLora: false, targetModules: [] };
      const rows = { ids: newIds, input, trained: false };
      const adapter = yield* makeAdapter(decoder, options, 1, { rows });
      yield* readSequence({ decoder: adapter.decoder, adapter }, [3, 7]);
      for (const [index, id] of newIds.entries()) {
        const shard = decoder.embedding.shards.find(({ from, to }) => from <= id && id < to)!;
        if (isPacked(shard.rows)) throw new Error("packed");
        const at = (id - shard.from) * shape.hidden;
        const stored = (yield* gpu.download(shard.rows)).slice(at, at + shape.hidden);
        assert.deepEqual(stored, input.slice(index * shape.hidden, (index + 1) * shape.hidden));
      }
    }
  }).pipe(Effect.provide(platform)),
);

for (const storage of ["bf16", "q8"] as const) {
  onGpu(
    `train() lowers the loss of an adapter over a ${storage} base, and leaves the base alone`,
    Effect.gen(function* () {
      const newId = 255; // a spare row of the fixture
      const decoder = yield* loadBase({ storage, newIds: [newId] });
      const linears = decoder.architecture.linears(decoder.shape, 0);
      const targetModules = linears.flatMap(({ parts }) => parts.map(({ module }) => module));
      const options = { rank: 4, alpha: 8, dropout: 0, rsLora: false, targetModules };
      const input = uniform(decoder.shape.hidden, 1).map((x) => 0.05 * x);
      const rows = { ids: [newId], input, trained: true };
      const adapter = yield* makeAdapter(decoder, options, 1, { rows });
      const before = yield* readSequence({ decoder }, [3, 4, 5]);
      // The new token stands before an answer that the model does not expect.
      const examples = (yield* worldExamples(4)).map(({ ids, supervised }) => ({
        ids: [...ids.slice(0, 3), newId, ...ids.slice(3, 16)].toReversed(),
        supervised: [...supervised.slice(0, 17)].map(() => true),
      }));
      const subject = { decoder: adapter.decoder, adapter, parameters: adapter.parameters };
      const first = yield* meanLoss(subject, examples);
      const steps = { ...tinyOptions, steps: 12 };
      yield* Stream.runDrain(
        train(subject, steps, Stream.fromIterable(examples).pipe(Stream.forever)),
      );
      const last = yield* meanLoss(subject, examples);
      assert.ok(last < 0.7 * first, `from ${first} to ${last}`);
      const after = yield* readSequence({ decoder }, [3, 4, 5]);
      assert.deepEqual(after.hidden, before.hidden);
    }).pipe(Effect.provide(platform)),
  );
}
