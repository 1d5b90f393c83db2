import assert from "node:assert/strict";
import { Effect } from "effect";
import { makeTokenizer } from "../../src/data/tokenizer.ts";
import { vocabularyWords } from "../../src/evaluation/compared_words.ts";
import { embeddingDrift } from "../../src/evaluation/embedding_drift.ts";
import { measure } from "../../src/evaluation/vector_distance.ts";
import { downloadTable } from "../../src/models/download_table.ts";
import { gemma } from "../../src/models/gemma.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";
import { tinyFiles } from "../support/tiny_tokenizer.ts";

onGpu(
  "embeddingDrift() measures the adapter's row, in the table's units where embeddings are scaled",
  Effect.gen(function* () {
    const tokenizer = yield* makeTokenizer(tinyFiles());
    const { tokenizer: extended, ids: [token] } = tokenizer.withTokens(["<sep>"]);
    const shape = yield* gemma.decode({
      ...{ vocab_size: 24, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 1 },
      ...{ num_attention_heads: 2, num_key_value_heads: 1, head_dim: 8 },
    });
    assert.equal(shape.embeddingScale, 4);
    const decoder = yield* loadDecoder(gemma, shape, randomWeights(gemma, shape, 3));
    const table = yield* downloadTable(decoder.embedding);
    const rowOf = (id: number) => table.slice(id * 16, (id + 1) * 16);
    const near = extended.idOf("json")!;
    const [start, row] = [uniform(16, 1), rowOf(near).map((value) => 3 * value)];
    const adapter = yield* makeAdapter(
      decoder,
      { rank: 2, alpha: 2, dropout: 0, targetModules: ["q_proj"], rsLora: false },
      1,
      { rows: { ids: [token!], input: row, trained: true } },
    );
    const subject = { decoder: adapter.decoder, adapter };
    const found = yield* embeddingDrift(subject, extended, token!, start);
    const zero = new Float32Array(16);
    const closeTo = (actual: number, expected: number) =>
      assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}, ${expected}`);
    closeTo(found.norm, measure(row, zero).l2);
    closeTo(found.startNorm, measure(start, zero).l2);
    closeTo(found.moved, measure(row, start).l2);
    closeTo(found.cosineToStart, measure(row, start).cosine);
    assert.equal(found.nearest[0]!.token, "json");
    closeTo(found.nearest[0]!.cosine, 1);
    for (const [list, own] of [[found.nearest, row], [found.nearestToStart, start]] as const) {
      const expected = vocabularyWords(extended).filter((id) => id !== token)
        .map((id) => ({ id, cosine: measure(own, rowOf(id)).cosine }))
        .toSorted((a, b) => b.cosine - a.cosine).slice(0, 10);
      assert.deepEqual(list.map(({ id }) => id), expected.map(({ id }) => id));
    }
  }),
);
