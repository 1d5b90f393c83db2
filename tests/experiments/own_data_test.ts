import assert from "node:assert/strict";
import { Effect } from "effect";
import type { Chat } from "../../src/data/chat.ts";
import { ownData, type OwnFiles, type OwnOptions } from "../../src/experiments/own_data.ts";
import { splitPrompt, withoutToken } from "../../src/experiments/prompt_parts.ts";
import { rateNames } from "../../src/experiments/result.ts";
import type { ChatRow } from "../evaluation/real_data.ts";
import { realRows } from "../evaluation/real_data.ts";

const answer = (label: string) => `{'thought': "It's fine.", 'label': '${label}'}`;

const chat = (question: string, reply: string, line = 1): Chat => ({
  messages: [{ role: "user", content: question }, { role: "assistant", content: reply }],
  at: { file: "own.jsonl", line },
});

const phrasings = [
  "Check it in <sep>.",
  "Use <sep> and check.",
  "Judge. Format : <sep>.",
  "As <sep>.",
];

// Ten contexts of two paragraphs, in four phrasings; the label is every other "yes".
const downstream = Array.from(
  { length: 10 },
  (_, i) =>
    chat(`\nq: ${i}?\n\na: ${i * i}\n\n\n${phrasings[i % 4]}`, answer(i % 2 ? "yes" : "no"), i + 1),
);

const test = [
  chat("Answer as JSON.\nTask:\nq: 3?\n\na: 9", "yes", 1), // a training context
  ...Array.from(
    { length: 6 },
    (_, i) => chat(`Answer as JSON.\nTask:\nq: ${20 + i}?\n\na: ${i}`, "no", i + 2),
  ),
  chat("q: 90?\n\nCheck it in <sep>.", answer("yes"), 8),
];

const plan = (files: Partial<OwnFiles> = {}, options: Partial<OwnOptions> = {}) =>
  ownData({ downstream, test, ...files }, {
    ...{ token: "<sep>", seed: 42, downstreamItems: 100, testItems: 5, contextAfter: "Task:\n" },
    ...options,
  });

const promptsOf = (chats: ReadonlyArray<Pick<Chat, "messages">>) =>
  chats.map(({ messages }) => messages[0]!.content);

Deno.test("splitPrompt() finds the instruction in the first or last paragraph, and rebuilds the prompt", () => {
  const last = splitPrompt("\na\n\nb\n\n\nUse <sep>.", "<sep>")!;
  assert.deepEqual([last.context, last.phrasing], ["a\n\nb", "Use <sep>."]);
  assert.equal(last.join(last.context, last.phrasing), "\na\n\nb\n\n\nUse <sep>.");
  const first = splitPrompt("Use <sep>.\n \nthe text", "<sep>")!;
  assert.equal(first.join("other", "As <sep>."), "As <sep>.\n \nother");
  for (const text of ["Use <sep>.", "a\n\nb", "a\n\nUse <sep>.\n\nb", ""]) {
    assert.equal(splitPrompt(text, "<sep>"), undefined, text);
  }
  assert.equal(withoutToken("Use the <sep> format, as <sep>.", "<sep>"), "Use the format, as.");
});

Deno.test("ownData() trains on phrasings that it does not test with, and leaves seen contexts out", async () => {
  const data = await Effect.runPromise(plan());
  assert.deepEqual(data.format, {
    keys: ["thought", "label"],
    label: "label",
    labels: ["no", "yes"],
  });
  const trained = new Set(promptsOf(data.diversified).map((it) => it.split("\n\n\n")[1]!));
  const tested = new Set(
    promptsOf(data.sets.t1_held_out_phrasing!).map((it) => it.split("\n\n\n")[1]!),
  );
  assert.equal(trained.size, 3);
  assert.equal(tested.size, 1);
  assert.ok(
    [...tested].every((phrasing) => !trained.has(phrasing) && phrasings.includes(phrasing)),
  );
  assert.equal(new Set(promptsOf(data.one).map((it) => it.split("\n\n\n")[1]!)).size, 1);
  // The same contexts everywhere, and the control asks as the tests do.
  const contexts = (chats: ReadonlyArray<Chat>) =>
    promptsOf(chats).map((it) => it.split("\n\n\n")[0]!);
  assert.deepEqual(contexts(data.one), contexts(data.diversified));
  assert.deepEqual(contexts(data.leaked), contexts(data.diversified));
  assert.ok(promptsOf(data.leaked).every((it) => tested.has(it.split("\n\n\n")[1]!)));
  const asked = promptsOf(
    (await Effect.runPromise(plan({}, { testItems: 9 }))).sets.t1_held_out_phrasing!,
  );
  assert.equal(asked.length, 7);
  assert.ok(asked.every((it) => !it.includes("q: 3?")));
  assert.match(data.notes.join(" "), /1 contexts left out/);
  assert.equal(data.heldOut.length, 1); // the one with an answer in the format
});

Deno.test("ownData() judges by the parser: an object where it is asked for, none where not", async () => {
  const { sets } = await Effect.runPromise(plan());
  assert.deepEqual(
    rateNames.filter((name) => sets[name] !== undefined),
    ["t1_held_out_phrasing", "t3_negation", "t4_no_token", "t6_natural_language"],
  );
  const item = sets.t6_natural_language![0]!;
  assert.deepEqual(item.judge(`Sure: ${answer("yes")}`), {
    ...{ wanted: true, raw_json: false, schema: true, correct: false },
  });
  assert.equal(item.judge("no").wanted, false);
  for (const set of [sets.t3_negation!, sets.t4_no_token!]) {
    assert.deepEqual(set[0]!.judge("no"), { wanted: true });
    assert.deepEqual(set[0]!.judge(answer("no")), { wanted: false });
  }
  assert.match(sets.t3_negation![0]!.messages[0]!.content, /Do not use the <sep> format\.$/);
  assert.doesNotMatch(sets.t4_no_token![0]!.messages[0]!.content, /<sep>/);
});

Deno.test("ownData() anchors what asks for the task in its own way, and nothing else", async () => {
  const [plain, tied] = await Effect.runPromise(
    Effect.all([plan(), plan({}, { anchor: "[checks]" })]),
  );
  const tie = (prompts: ReadonlyArray<string>) => prompts.map((prompt) => `[checks] ${prompt}`);
  for (const name of ["diversified", "one", "leaked", "heldOut"] as const) {
    assert.deepEqual(promptsOf(tied![name]), tie(promptsOf(plain![name])), name);
  }
  for (const name of rateNames) {
    const prompts = promptsOf(plain!.sets[name] ?? []);
    const expected = name === "t1_held_out_phrasing" ? tie(prompts) : prompts;
    assert.deepEqual(promptsOf(tied!.sets[name] ?? []), expected, name);
  }
});

Deno.test("ownData() takes nested subsets, phrasings of files, and the same for the same seed", async () => {
  const [all, three, again] = await Effect.runPromise(
    Effect.all([plan(), plan({}, { downstreamItems: 3 }), plan({}, { downstreamItems: 3 })]),
  );
  assert.deepEqual(promptsOf(three!.one), promptsOf(all!.one).slice(0, 3));
  assert.deepEqual(promptsOf(three!.diversified), promptsOf(again!.diversified));
  const given = await Effect.runPromise(
    plan({ phrasings: ["A <sep>.", "B <sep>.", "C <sep>."], heldOut: ["C <sep>."] }),
  );
  assert.ok(promptsOf(given.diversified).every((it) => /[AB] <sep>\.$/.test(it)));
  assert.ok(promptsOf(given.sets.t1_held_out_phrasing!).every((it) => it.endsWith("C <sep>.")));
});

Deno.test("ownData() holds phrasings out whatever examples are chosen", async () => {
  const twenty = Array.from(
    { length: 20 },
    (_, i) => chat(`q: ${i}?\n\nWay ${i} is <sep>.`, answer(i % 2 ? "yes" : "no"), i + 1),
  );
  const kept = await Effect.runPromise(Effect.forEach(
    Array.from({ length: 10 }, (_, seed) => seed),
    (seed) =>
      Effect.map(
        plan({ downstream: twenty }, { seed, downstreamItems: 4 }),
        ({ diversified }) =>
          promptsOf(diversified).filter((it) => /q: (\d+)\?\s+Way \1 /.test(it)).length,
      ),
  ));
  // A fifth of the phrasings is held out: of 40 examples some 32 keep their own.
  assert.ok(kept.reduce((sum, count) => sum + count, 0) > 20, `${kept}`);
});

Deno.test("ownData() puts the context where a phrasing says", async () => {
  const files = {
    phrasings: ["In <sep>: {context}!"],
    heldOut: ["As <sep>.", "<sep> for {context}"],
  };
  const { diversified, leaked, sets } = await Effect.runPromise(plan(files));
  assert.match(promptsOf(diversified)[0]!, /^In <sep>: q: \d\?\n\na: \d+!$/);
  assert.match(promptsOf(leaked)[0]!, /^\nq: \d\?\n\na: \d+\n\n\nAs <sep>\.$/);
  const tests = Object.values(sets).flatMap((set) => promptsOf(set));
  assert.ok(tests.every((prompt) => !prompt.includes("{context}") && prompt.includes("q: ")));
});

const wrong: ReadonlyArray<readonly [string, Partial<OwnFiles>, Partial<OwnOptions>, RegExp]> = [
  [
    "a prompt in one paragraph",
    { downstream: [...downstream, chat("Use <sep>.", answer("no"), 11)] },
    {},
    /own\.jsonl:11: .*empty line/,
  ],
  [
    "an answer without an object",
    { downstream: [chat("a\n\n<sep>", "yes", 4)] },
    {},
    /own\.jsonl:4: .*without an object/,
  ],
  [
    "other keys",
    { downstream: [...downstream, chat("a\n\n<sep>", "{'x': 'y'}", 12)] },
    {},
    /own\.jsonl:12: .*keys of the first, thought, label/,
  ],
  [
    "a test without a label",
    { test: [chat("a\n\n<sep>", "perhaps", 5)] },
    {},
    /own\.jsonl:5: .*neither a label \(no, yes\)/,
  ],
  [
    "a test without its context",
    { test: [chat("Answer: a", "no", 6)] },
    {},
    /own\.jsonl:6: .*contextAfter/,
  ],
  [
    "tests that were all trained on",
    { test: test.slice(0, 1) },
    {},
    /no context that training has not seen/,
  ],
  [
    "a single phrasing",
    { downstream: [0, 4, 8].map((i) => chat(`${i}\n\nUse <sep>.`, answer(i ? "no" : "yes"))) },
    {},
    /one phrasing alone/,
  ],
];

for (const [what, files, options, message] of wrong) {
  Deno.test(`ownData() refuses ${what}`, async () => {
    const error = await Effect.runPromise(Effect.flip(plan(files, options)));
    assert.match(error.message, message);
  });
}

const train = realRows<ChatRow>("delia/train_dataset.jsonl");
const real = realRows<{ readonly prompt: string; readonly response: string }>(
  "leverage/test_Halu_CoT_JSON.jsonl",
);

Deno.test({
  name: "ownData() splits the reference's prompts, and leaves the contexts out that it trains on",
  ignore: !train || !real,
  fn: async () => {
    const rows = train!.map(({ messages: [user, assistant] }, i) =>
      chat(user.content, assistant.content, i)
    );
    const data = await Effect.runPromise(plan({
      downstream: rows,
      test: real!.map(({ prompt, response }, i) => chat(prompt, response, i)),
    }, { testItems: 2000, contextAfter: "Consider the following task:\n" }));
    assert.deepEqual(data.format, {
      ...{ keys: ["thought", "hallucination"], label: "hallucination", labels: ["no", "yes"] },
    });
    assert.match(data.notes[0]!, /100 of 100 examples in 48 phrasings/);
    // 34 of the 100 training contexts are in the file.
    assert.match(data.notes[1]!, /1472 of 1506 contexts in 12 phrasings .*; 34 contexts left out/);
    assert.equal(data.sets.t1_held_out_phrasing!.length, data.sets.t6_natural_language!.length);
  },
});
