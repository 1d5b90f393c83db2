import assert from "node:assert/strict";
import { Effect } from "effect";
import { resolveRunConfig } from "../../../src/config/resolve.ts";
import { translation } from "../../../src/experiments/protocols/translation.ts";
import { promptIds } from "../../../src/experiments/answering.ts";
import type { Answering } from "../../../src/experiments/recipe.ts";
import { hintsFor, translationPrompts } from "../../../src/experiments/translation/prompts.ts";
import {
  translationData,
  type TranslationItem,
  turnsOf,
} from "../../../src/experiments/translation/translation_data.ts";
import { readTokenizer } from "../../../src/data/tokenizer_files.ts";
import { platform } from "../../../src/platform.ts";

const dictionary = new Map([["fox", ["c g"]], ["blue", ["f g", "f h"]]]);

const item = (document: string): TranslationItem => ({
  phrasing: "{document} answer in <sep> .",
  document,
  reference: `~ ${document}`,
});

const data = {
  direction: "to_second",
  items: ["fox one", "fox two", "fox three"].map(item),
  dictionary,
} as const;

const of = (answering?: Answering) => translationPrompts(answering, data, [item("blue fox .")], 7);

Deno.test("hintsFor() says what the dictionary has, each word once and in order", () => {
  const words = "blue fox is fox .".split(" ");
  assert.equal(hintsFor(words, dictionary), "blue is f g ; blue is f h ; fox is c g ;");
  assert.equal(hintsFor(["crow"], dictionary), "");
});

Deno.test("turnsOf() writes a dictionary's words as they are", () => {
  const [user] = turnsOf(item("blue fox"), "$& is $$ ;");
  assert.equal(user.content, "blue fox $& is $$ ; answer in <sep> .");
});

Deno.test("translationPrompts() asks for the document alone unless told", () => {
  const { shots, asked } = of();
  assert.deepEqual(shots, []);
  assert.deepEqual(asked, [[{ role: "user", content: "blue fox . answer in <sep> ." }]]);
});

Deno.test("translationPrompts() puts whole examples before every document, more after fewer", () => {
  const two = of({ _tag: "InContext", shots: 2 });
  assert.deepEqual(two.shots.map(({ role }) => role), ["user", "assistant", "user", "assistant"]);
  assert.equal(new Set(two.shots.map(({ content }) => content)).size, 4);
  assert.deepEqual(of({ _tag: "InContext", shots: 1 }).shots, two.shots.slice(0, 2));
  assert.deepEqual(two.asked, of().asked);
  assert.throws(() => of({ _tag: "InContext", shots: 4 }), /at most 3 demonstrations but found 4/);
});

Deno.test("translationPrompts() puts the dictionary behind documents and demonstrations alike", () => {
  const { shots, asked } = of({ _tag: "Dictionary", shots: 1 });
  assert.match(shots[0]!.content, /^fox \w+ fox is c g ; answer in <sep> \.$/);
  assert.deepEqual(asked.flat().map(({ content }) => content), [
    "blue fox . blue is f g ; blue is f h ; fox is c g ; answer in <sep> .",
  ]);
});

const baseTokenizer = Effect.map(
  readTokenizer("fixtures/base"),
  (base) => base.withTokens(["<sep>"]).tokenizer,
);

const settings = {
  data: { downstreamItems: 120, phrasingCount: 1, testItems: 30 },
  training: { maxTokens: 128 },
} as unknown as Parameters<typeof translationData>[1];

Deno.test("translationData() shows no test document, sentence or phrasing in training, both ways", () =>
  Effect.gen(function* () {
    const both = yield* translationData(yield* baseTokenizer, settings, 42);
    for (const { items, dev, test, overlap, downstream } of Object.values(both)) {
      assert.deepEqual([items.length, dev.length, test.length], [120, 40, 30]);
      assert.deepEqual(overlap, { documents: 0, sentences: 0, phrasings: 0 });
      assert.ok(items.some(({ phrasing }) => phrasing !== items[0]!.phrasing));
      assert.notDeepEqual(downstream.one[1], downstream.diversified[1]);
      assert.deepEqual(downstream.one[0], downstream.diversified[0]);
    }
    const [there, back] = [both.to_second.test[0]!, both.to_first.test[0]!];
    assert.deepEqual([there.document, there.reference], [back.reference, back.document]);
  }).pipe(Effect.provide(platform), Effect.runPromise));

Deno.test("translationData() takes a dictionary that is given, each way round", () =>
  Effect.gen(function* () {
    const given = new Map([["fox", ["x y"]]]);
    const { to_second, to_first } = yield* translationData(
      yield* baseTokenizer,
      settings,
      42,
      given,
    );
    assert.deepEqual([...to_second.dictionary], [["fox", ["x y"]]]);
    assert.deepEqual([...to_first.dictionary], [["x y", ["fox"]]]);
  }).pipe(Effect.provide(platform), Effect.runPromise));

Deno.test("demonstrations and the dictionary fit the base's positions with every seed that runs", () =>
  Effect.gen(function* () {
    const tokenizer = yield* baseTokenizer;
    const over = [translation.settings];
    const config = yield* resolveRunConfig({ preset: "fixture", over, options: {} });
    for (const seed of [42, 43, 44, 45, 46]) {
      for (const own of Object.values(yield* translationData(tokenizer, config, seed))) {
        for (
          const answering of [
            { _tag: "InContext", shots: 4 },
            { _tag: "Dictionary", shots: 2 },
          ] as const
        ) {
          const { shots, asked } = translationPrompts(answering, own, own.test, seed);
          for (const turns of asked) {
            const { length } = yield* promptIds(tokenizer, [...shots, ...turns]);
            assert.ok(length + 32 <= 256, `${answering._tag} of seed ${seed}: ${length}`);
          }
        }
      }
    }
  }).pipe(Effect.provide(platform), Effect.runPromise));
