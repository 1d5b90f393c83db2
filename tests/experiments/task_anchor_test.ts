import assert from "node:assert/strict";
import { Effect } from "effect";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import type { Example } from "../../src/data/example.ts";
import { makeTokenizer } from "../../src/data/tokenizer.ts";
import { readTokenizer } from "../../src/data/tokenizer_files.ts";
import { checkWording } from "../../src/experiments/check_wording.ts";
import { fixtureExperimentData } from "../../src/experiments/fixture_experiment_data.ts";
import { layerWorldPhrasings } from "../../src/experiments/fixture_data.ts";
import { anchorTask, withAnchor } from "../../src/experiments/task_anchor.ts";
import { translationData, turnsOf } from "../../src/experiments/translation/translation_data.ts";
import { platform } from "../../src/platform.ts";
import { readGolden } from "../support/tokenizer_goldens.ts";

Deno.test("withAnchor() parts the anchor from the prompt by a blank, unless it ends in white space", () => {
  assert.equal(withAnchor("q", "This is T."), "This is T. q");
  assert.equal(withAnchor("q", "This is T.\n"), "This is T.\nq");
  assert.equal(withAnchor("\nq", undefined), "\nq");
});

Deno.test("anchorTask() opens the first user message, and no other", () => {
  const messages = (first: string) => [
    { role: "system" as const, content: "s" },
    { role: "user" as const, content: first },
    { role: "assistant" as const, content: "a" },
    { role: "user" as const, content: "more" },
  ];
  const chat = { messages: messages("q"), at: { file: "f", line: 3 } };
  assert.deepEqual(anchorTask(chat, "T:"), { ...chat, messages: messages("T: q") });
  assert.equal(anchorTask(chat, undefined), chat);
});

const anchor = "this is a test :";

const worldConfig = (set: ReadonlyArray<string>) =>
  resolveRunConfig({
    preset: "fixture",
    set: [
      ...["data.downstreamItems=6", "data.phrasingCount=3", "data.testItems=8"],
      ...["mixing.diverseRatio=1", ...set],
    ],
  });

const worldTokenizer = Effect.map(
  readTokenizer("fixtures/base"),
  (base) => base.withTokens(["<sep>"]).tokenizer,
);

Deno.test("fixtureExperimentData() anchors the task's own prompts in training and tests, and no others", () =>
  Effect.gen(function* () {
    const tokenizer = yield* worldTokenizer;
    const [plain, tied] = yield* Effect.forEach(
      [[], [`data.anchor=${anchor}`]],
      (set) =>
        Effect.flatMap(worldConfig(set), (config) => fixtureExperimentData(tokenizer, config, 3)),
    ).pipe(Effect.provide(layerWorldPhrasings(3)));
    const texts = (examples: ReadonlyArray<Pick<Example, "ids">>) =>
      examples.map(({ ids }) => tokenizer.decode([...ids]));
    const tie = (text: string) => text.replace("<user> ", `<user> ${anchor} `);
    for (const name of ["diversified", "one", "leaked"] as const) {
      const expected = texts(plain!.downstream[name]!).map(tie);
      assert.ok(expected.every((text) => text.includes(anchor)));
      assert.deepEqual(texts(tied!.downstream[name]!), expected, name);
    }
    assert.deepEqual(texts(tied!.heldOut), texts(plain!.heldOut).map(tie));
    assert.deepEqual(texts(tied!.tests.slots), texts(plain!.tests.slots).map(tie));
    const token = tokenizer.idOf("<sep>");
    assert.ok(tied!.tests.slots.every(({ ids, at }) => ids[at] === token));
    assert.ok(tied!.chats.every(({ messages }) => messages[0]!.content.startsWith(anchor)));
    // The anchor is in no label: as many tokens are supervised as without it.
    const supervised = (example: Example) => example.supervised.filter((is) => is).length;
    assert.deepEqual(
      tied!.downstream.diversified.map(supervised),
      plain!.downstream.diversified.map(supervised),
    );

    const prompts = (sets: NonNullable<typeof tied>["tests"]["sets"]) =>
      Object.entries(sets).map(([name, set]) => [
        name,
        set.map(({ messages }) => messages[0]!.content),
      ]);
    const expected = prompts(plain!.tests.sets).map(([name, own]) => [
      name,
      name === "t1_held_out_phrasing"
        ? (own as ReadonlyArray<string>).map((it) => `${anchor} ${it}`)
        : own,
    ]);
    assert.deepEqual(prompts(tied!.tests.sets), expected);
    assert.deepEqual(texts(tied!.facts), texts(plain!.facts));
    assert.deepEqual(texts(tied!.ideal!), texts(plain!.ideal!));
    assert.deepEqual(tied!.demonstrations, plain!.demonstrations);
    assert.deepEqual(tied!.questions(5, "all"), plain!.questions(5, "all"));
  }).pipe(Effect.provide(platform), Effect.runPromise));

Deno.test("translationData() anchors every document, in training and in tests", () =>
  Effect.gen(function* () {
    const tokenizer = yield* worldTokenizer;
    const config = yield* worldConfig([`data.anchor=${anchor}`]);
    const { to_first: data } = yield* translationData(tokenizer, config, 3);
    for (const item of [...data.items, ...data.dev, ...data.test]) {
      assert.ok(turnsOf(item)[0].content.startsWith(`${anchor} `));
    }
    const { diversified, one } = data.downstream;
    for (const { ids } of [...diversified, ...one]) {
      assert.match(tokenizer.decode([...ids]), /<user> this is a test : /);
    }
    assert.deepEqual(data.overlap, { documents: 0, sentences: 0, phrasings: 0 });
  }).pipe(Effect.provide(platform), Effect.runPromise));

Deno.test("checkWording() names the setting whose word a closed vocabulary lacks; subwords have all", () =>
  Effect.gen(function* () {
    const world = yield* worldTokenizer;
    const says = (set: ReadonlyArray<string>) =>
      Effect.flatMap(worldConfig(set), (config) => Effect.flip(checkWording(config, world)));
    assert.match(
      (yield* says(["data.anchor=this is a quokka :"])).message,
      /data\.anchor: the text has "quokka", which the model's vocabulary lacks/,
    );
    const both = yield* says(["data.anchor=quokka", "sampling.promptMode=using"]);
    assert.match(
      both.message,
      /2 problems[^]*sampling\.promptMode: the request of "using" has "Here"/,
    );
    yield* checkWording(yield* worldConfig([`data.anchor=${anchor}`]), world);
    const set = ["data.anchor=quokka 7:", "sampling.promptMode=refer"];
    yield* checkWording(yield* worldConfig(set), yield* makeTokenizer(readGolden("smollm2")));
  }).pipe(Effect.provide(platform), Effect.runPromise));
