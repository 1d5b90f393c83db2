import assert from "node:assert/strict";
import { drawBitext } from "../../../fixtures/world/bitext.ts";
import { contentWords, lexicon, wordsOfSecond } from "../../../fixtures/world/second_language.ts";
import {
  dictionaryFrom,
  readDictionary,
  reversed,
} from "../../../src/experiments/translation/dictionary.ts";
import { nullWord, trainModel1 } from "../../../src/experiments/translation/ibm_model_1.ts";

const bitext = drawBitext(7, { train: 200, dev: 1, test: 1, sentences: 2 });
const pairs = bitext.train.map(({ first, second }) => ({
  source: first.split(" "),
  target: wordsOfSecond(second),
}));
const backwards = pairs.map(({ source, target }) => ({ source: target, target: source }));

Deno.test("trainModel1() gives what three pairs and one round say by hand", () => {
  const table = trainModel1(
    [{ source: ["a"], target: ["x"] }, { source: ["a", "b"], target: ["x", "y"] }],
    { iterations: 1 },
  );
  // From equal probabilities, each word shared out among the source words and null: "x" of the first
  // pair gives a half to a, of the second a third to each; "y" a third to each.
  const [a, b] = [table.get("a")!, table.get("b")!];
  assert.ok(Math.abs(a.get("x")! - (1 / 2 + 1 / 3) / (1 / 2 + 2 / 3)) < 1e-12);
  assert.ok(Math.abs(b.get("x")! - 1 / 2) < 1e-12);
});

Deno.test("trainModel1() keeps probabilities that sum to 1, and repeats itself", () => {
  const table = trainModel1(pairs);
  for (const [word, likely] of table) {
    const sum = [...likely.values()].reduce((total, share) => total + share, 0);
    assert.ok(Math.abs(sum - 1) < 1e-12, word);
  }
  assert.deepEqual(trainModel1(pairs), table);
  assert.ok(table.has(nullWord));
});

Deno.test("trainModel1() raises the likelihood of the bitext with every round", () => {
  const likelihood = (iterations: number): number => {
    const table = trainModel1(pairs, { iterations });
    return pairs.reduce((total, { source, target }) =>
      target.reduce((sum, word) => {
        const from = [nullWord, ...source];
        const share = from.reduce((all, it) => all + (table.get(it)?.get(word) ?? 0), 0);
        return sum + Math.log(share / from.length);
      }, total), 0);
  };
  const values = [0, 1, 2, 5, 10].map(likelihood);
  assert.ok(values.every((value, at) => at === 0 || value > values[at - 1]!), values.join());
});

Deno.test("dictionaryFrom() recovers the lexicon of generated bitext in both directions", () => {
  const [forward, back] = [dictionaryFrom(pairs), dictionaryFrom(backwards)];
  for (const word of contentWords) {
    assert.equal(forward.get(word)?.[0], lexicon.get(word), word);
    assert.equal(back.get(lexicon.get(word)!)?.[0], word, word);
  }
  assert.ok(!forward.has("of") && !forward.has("is") && !forward.has(nullWord));
  assert.ok(!forward.has("?") && !back.has("?"));
  assert.deepEqual(forward.get("what"), ["i"]); // and not "?", which stands beside it as often
});

Deno.test("dictionaryFrom() keeps so many translations, and none below its probability", () => {
  const ambiguous = [["x"], ["x"], ["y"], ["z"]].map((target) => ({ source: ["a"], target }));
  const of = (options: Parameters<typeof dictionaryFrom>[1]) =>
    dictionaryFrom([...ambiguous], { frequency: 1, ...options }).get("a");
  assert.deepEqual(of({}), ["x", "y"]);
  assert.deepEqual(of({ translations: 1 }), ["x"]);
  assert.deepEqual(of({ translations: 3, probability: 0.3 }), ["x"]);
  assert.equal(dictionaryFrom(ambiguous).get("a"), undefined); // in every text: too frequent
});

Deno.test("readDictionary() reads a table, says which lines it can't, and reversed() turns it", () => {
  const text = "# mine\nfox\tb k\t0.9\nfox\tb c\n\nlime\t\nred b\ncrow\tb k\r\n";
  const { dictionary, problems } = readDictionary(text);
  assert.deepEqual([...dictionary], [["fox", ["b k", "b c"]], ["crow", ["b k"]]]);
  assert.deepEqual(problems.map(({ path }) => path), ["line 5", "line 6"]);
  assert.match(problems[1]!.problem, /found "red b"/);
  assert.match(readDictionary("# none\n").problems[0]!.problem, /a translation but found none/);
  assert.deepEqual([...reversed(dictionary)], [["b k", ["fox", "crow"]], ["b c", ["fox"]]]);
});
