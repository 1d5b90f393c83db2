import assert from "node:assert/strict";
import { Effect, FileSystem, Layer, Stream } from "effect";
import {
  defaultRules,
  editDistance,
  Paraphraser,
  type ParaphraserError,
  type PhrasingRules,
  rejectionOfPhrasing,
  withContext,
} from "../../src/delia/diversify.ts";
import { layerPhrasingFile } from "../../src/delia/diversify/file.ts";
import { englishGrammar, type Grammar, layerGrammar } from "../../src/delia/diversify/grammar.ts";

const ask = (
  layer: Layer.Layer<Paraphraser, ParaphraserError>,
  count: number,
  instruction = "Judge the answer.",
) =>
  Effect.gen(function* () {
    const { paraphrase } = yield* Paraphraser;
    const phrasings = yield* Stream.runCollect(paraphrase(instruction, count));
    return phrasings.map(({ text }) => text);
  }).pipe(Effect.provide(layer));

const run = Effect.runPromise;
const english = (seed: number) => layerGrammar({ grammar: englishGrammar, seed });
const grammar = (frames: ReadonlyArray<string>, slots: Grammar["slots"] = {}) =>
  layerGrammar({ grammar: { frames, slots }, seed: 1 });

Deno.test("layerGrammar() gives as many different phrasings as asked, each with the token", async () => {
  const texts = await run(ask(english(1), 200));
  assert.equal(new Set(texts).size, 200);
  for (const text of texts) {
    assert.ok(text.includes("<sep>") && text.includes("Judge the answer."), text);
    assert.ok(!/[{}]|json|thought/i.test(text), text);
  }
});

Deno.test("englishGrammar capitalises the first word of a sentence and no other", async () => {
  for (const text of await run(ask(english(1), 400))) {
    for (const [, before, word] of text.matchAll(/(\S+) ([A-Z]\w*)/g)) {
      assert.match(before!, /\.$/, `${word}: ${text}`);
    }
    assert.match(text, /^[A-Z]/);
    assert.doesNotMatch(text, /\. [a-z]/, text);
  }
});

Deno.test("layerGrammar() repeats itself for a seed, and starts the same when asked for more", async () => {
  const [few, many, other] = await Promise.all([
    run(ask(english(1), 10)),
    run(ask(english(1), 60)),
    run(ask(english(2), 10)),
  ]);
  assert.deepEqual(few, many.slice(0, 10));
  assert.notDeepEqual(few, other);
});

Deno.test("layerGrammar() leaves {context} for the example and braces of the instruction alone", async () => {
  const texts = await run(ask(grammar(["<sep> {context} {instruction}"]), 1, "say {x} and {slot}"));
  assert.deepEqual(texts, ["<sep> {context} say {x} and {slot}"]);
});

Deno.test("layerGrammar() says how many phrasings it found and why not more", async () => {
  const short = grammar(["{a}", "as json <sep>", "plain"], { a: ["use <sep>", "try <sep>"] });
  const { message, reason } = await run(Effect.flip(ask(short, 5)));
  assert.equal(reason._tag === "NotEnough" && reason.found, 2);
  assert.match(message, /^Expected 5 phrasings but found 2 \(left out: \d+ without the token, /);
});

Deno.test("layerGrammar() names a slot without wordings and one that reaches itself", async () => {
  for (const slots of [{}, { a: [] }, { a: ["{b}"], b: ["<sep> {a}"] }]) {
    const { message } = await run(Effect.flip(ask(grammar(["<sep> {a}"], slots), 1)));
    assert.match(message, /^The frame ".*" names \{a\}, which should be a slot/);
  }
});

Deno.test("rejectionOfPhrasing() asks for the token, no leak and something new", () => {
  const near: PhrasingRules = { ...defaultRules, minDistance: 0.15 };
  const taken = [{ text: "Use the <sep> format for your answer." }];
  const rejection = (text: string, rules = near) => rejectionOfPhrasing(text, taken, rules);
  assert.equal(rejection("Use the format."), "no_token");
  assert.equal(rejection("Use <sep>, like JSON-lines."), "banned_word");
  assert.equal(rejection("Put your thoughts in <sep>."), "banned_word");
  assert.equal(rejection("Use the <SEP> format  for your answer."), "no_token");
  assert.equal(rejection("use the <sep> format\n for your answer."), "duplicate");
  assert.equal(rejection("Use the <sep> format for the answer."), "duplicate");
  assert.equal(rejection("Use the <sep> format for the answer.", defaultRules), undefined);
  assert.equal(rejection("Let <sep> be your guide."), undefined);
});

Deno.test("editDistance() counts changed characters", () => {
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("same", "same"), 0);
});

Deno.test("withContext() puts the context where the phrasing says, else in front", () => {
  assert.equal(withContext({ text: "use <sep>" }, "a $& b", "\n"), "a $& b\nuse <sep>");
  assert.equal(withContext({ text: "<sep> {context} ." }, "a $& b"), "<sep> a $& b .");
});

const fromFile = (file: string, content: string) => {
  const files = FileSystem.layerNoop({ readFileString: () => Effect.succeed(content) });
  return ask(Layer.provide(layerPhrasingFile(file), files), 2);
};

Deno.test("layerPhrasingFile() reads lines or JSON, without doubles", async () => {
  const plain = "Use <sep>.\r\n\r\nuse  <sep>.\nFollow <sep>.\n";
  assert.deepEqual(await run(fromFile("a.txt", plain)), ["Use <sep>.", "Follow <sep>."]);
  const json = '"Use <sep>."\n{"text":"Follow <sep>."}\n';
  assert.deepEqual(await run(fromFile("a.jsonl", json)), ["Use <sep>.", "Follow <sep>."]);
});

Deno.test("layerPhrasingFile() names file and line of a phrasing that breaks a rule", async () => {
  const message = async (file: string, content: string) =>
    (await run(Effect.flip(fromFile(file, content)))).message;
  assert.equal(
    await message("a.txt", "Use <sep>.\nWrite it."),
    'a.txt:2: the phrasing should hold the new token but is "Write it."',
  );
  assert.match(await message("a.txt", "<sep> is json"), /^a.txt:1: .* gives the format away/);
  assert.match(await message("a.jsonl", "Use <sep>."), /^a.jsonl:1: .* a text or {"text": …}/);
  assert.equal(await message("a.txt", "\n"), "a.txt holds no phrasing: expected one a line");
  assert.match(await message("a.txt", "Use <sep>."), /^Expected 2 phrasings but found 1/);
});
