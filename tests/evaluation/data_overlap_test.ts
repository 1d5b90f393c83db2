import assert from "node:assert/strict";
import {
  dataOverlap,
  type ExampleParts,
  sharedTexts,
  withoutShared,
} from "../../src/evaluation/data_overlap.ts";
import { type ChatRow, realRows } from "./real_data.ts";

const words = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(" ");

Deno.test("sharedTexts() finds equal texts, whatever their case, spacing and form", () => {
  const train = ["Café au lait.", "x", "CAFÉ  au\nlait. ", "ﬁn"];
  const { shared, test, train: used } = sharedTexts(train, [
    "new",
    " cafe\u0301 au lait.",
    "fin",
    "x!",
  ]);
  assert.deepEqual(shared, [
    { test: 1, train: [0, 2], containment: 1 },
    { test: 2, train: [3], containment: 1 },
  ]);
  assert.deepEqual(test, [1, 2]);
  assert.deepEqual(used, [0, 2, 3]);
});

Deno.test("sharedTexts() finds no empty text anywhere", () => {
  assert.deepEqual(sharedTexts(["", " "], ["", "\n"]).shared, []);
  assert.deepEqual(sharedTexts(["", " "], ["", "\n"], { containment: 0.1, words: 1 }).shared, []);
});

Deno.test("sharedTexts() finds texts by the share of their n-grams in one training text", () => {
  // Of the test text's 13 8-grams of 20 words, the first training text has 5, the second 9.
  const train = [words(0, 12), words(3, 19) + " other", words(100, 130)];
  const test = [words(0, 20)];
  const at = (containment: number) => sharedTexts(train, test, { containment }).shared;
  assert.deepEqual(at(9 / 13), [{ test: 0, train: [1], containment: 9 / 13 }]);
  assert.deepEqual(at(5 / 13), [{ test: 0, train: [0, 1], containment: 9 / 13 }]);
  assert.deepEqual(at(0.7), []);
  assert.deepEqual(sharedTexts(train, test).shared, []);
  assert.deepEqual(sharedTexts(train, test, { containment: 1, words: 30 }).shared, []);
  // Punctuation is no difference to n-grams, and the text may lie anywhere in the other.
  const quoted = [`So: “${words(3, 15).replaceAll(" ", ", ")}”!`];
  assert.deepEqual(sharedTexts(quoted, [words(3, 15)], { containment: 1 }).test, [0]);
  // A text of fewer words than an n-gram is shared only where it is equal.
  assert.deepEqual(sharedTexts([words(0, 20)], [words(0, 5)], { containment: 0.1 }).test, []);
  assert.deepEqual(sharedTexts([words(0, 5)], [words(0, 5)], { containment: 0.1 }).test, [0]);
});

Deno.test("sharedTexts() counts an n-gram once, however often it is repeated", () => {
  const { shared } = sharedTexts(["a b"], ["a b a b a b c"], { containment: 0.1, words: 2 });
  assert.deepEqual(shared, [{ test: 0, train: [0], containment: 1 / 3 }]); // of "a b", "b a", "b c"
});

Deno.test("sharedTexts() refuses a share that is none", () => {
  for (const containment of [0, -1, 1.1, NaN]) {
    assert.throws(() => sharedTexts([], [], { containment }), /above 0 and up to 1/);
  }
});

Deno.test("dataOverlap() reports the parts apart, and withoutShared() removes one of them", () => {
  const of = (context: string, phrasing: string): ExampleParts => ({ context, phrasing });
  const train = [of("a", "p"), of("b", "q")];
  const test = [of("b", "p"), of("c", "r"), of("d", "Q"), of("p", "a")];
  const { contexts, phrasings } = dataOverlap(train, test);
  assert.deepEqual([contexts.test, contexts.train], [[0], [1]]);
  assert.deepEqual([phrasings.test, phrasings.train], [[0, 2], [0, 1]]);
  assert.deepEqual(withoutShared(test, phrasings.test), [test[1], test[3]]);
  assert.deepEqual(withoutShared(train, contexts.train), [train[0]]);
});

const train = realRows<ChatRow>("delia/train_dataset.jsonl") ?? [];
const held = realRows<ChatRow>("delia/eval_dataset.jsonl") ?? [];
const long = realRows<{ readonly prompt: string }>("leverage/test_Halu_CoT_JSON.jsonl") ?? [];

Deno.test({
  name: "dataOverlap() finds the leaks that the reference's data has",
  ignore: train.length === 0 || held.length === 0 || long.length === 0,
  fn: () => {
    // The instruction stands after the context, three line breaks between them.
    const partsOf = ({ messages: [{ content }] }: ChatRow): ExampleParts => {
      const at = content.lastIndexOf("\n\n\n");
      return { context: content.slice(0, at), phrasing: content.slice(at) };
    };
    const { phrasings } = dataOverlap(train.map(partsOf), held.map(partsOf));
    assert.equal(phrasings.test.length, 11); // all of them
    assert.equal(new Set(train.map((row) => partsOf(row).phrasing)).size, 60);
    // The formatted-text test set: its contexts follow one long instruction.
    const contexts = long.map(({ prompt }) => prompt.slice(prompt.indexOf("'relatives'")));
    const inTest = (rows: ReadonlyArray<ChatRow>) =>
      sharedTexts(rows.map((row) => partsOf(row).context), contexts);
    assert.equal(inTest(train).train.length, 34);
    assert.equal(inTest(held).train.length, 4);
    assert.equal(withoutShared(contexts, inTest([...train, ...held]).test).length, 1468);
    const near = sharedTexts(train.map((row) => partsOf(row).context), contexts, {
      containment: 0.8,
    });
    assert.ok(near.train.length >= 34);
  },
});
