import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { layerDatasetsFile } from "../../src/data/datasets_file.ts";
import type { PromptMode } from "../../src/config/sampling_config.ts";
import { provenanceFile } from "../../src/delia/sample_cache.ts";
import { taskChats } from "../../src/experiments/task_chats.ts";
import { platform } from "../../src/platform.ts";

interface Line {
  readonly answer: string;
  readonly reference?: string;
  readonly finish?: "stop" | "length";
}

/** What `taskChats()` makes of a file of samples: answers and lines, and the note. */
const read = (lines: ReadonlyArray<Line>, promptMode: PromptMode = "using") =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const file = `${yield* fs.makeTempDirectoryScoped()}/task.jsonl`;
    // The last sample stands first, as one that was answered before the others.
    const text = lines.map(({ answer, reference, finish = "stop" }, index) =>
      `${
        JSON.stringify({
          ...{ index, finish },
          messages: [
            { role: "user", content: `question ${index} <sep>` },
            { role: "assistant", content: answer },
          ],
          ...reference === undefined ? {} : { reference },
        })
      }\n`
    ).reverse();
    yield* fs.writeFileString(file, text.join(""));
    yield* fs.writeFileString(provenanceFile(file), JSON.stringify({ promptMode }));
    const { chats, notes } = yield* taskChats(file, { token: "<sep>" });
    assert.ok(chats.every(({ messages }) => messages[0]!.role === "user"));
    return {
      answers: chats.map(({ messages }) => messages[1]!.content),
      lines: chats.map(({ at }) => at!.line),
      note: notes.join("\n").replace(file, "FILE"),
    };
  }).pipe(
    Effect.scoped,
    Effect.provide(layerDatasetsFile),
    Effect.provide(platform),
    Effect.runPromise,
  );

Deno.test("taskChats() takes the model's own words, and the reference where they do not serve", async () => {
  const { answers, lines, note } = await read([
    { answer: "my own words", reference: "a" },
    { answer: "red, mostly", reference: "red" },
    { answer: "blue, I thi", reference: "blue", finish: "length" },
    { answer: " ", reference: "green" },
    { answer: "in <sep>", reference: "grey" },
    { answer: "black", reference: "black" },
    { answer: "no reference and cut o", finish: "length" },
    { answer: "no reference" },
  ]);
  assert.deepEqual(answers, ["a", "red, mostly", "blue", "green", "grey", "black", "no reference"]);
  assert.deepEqual(lines, [8, 7, 6, 5, 4, 3, 1]);
  assert.equal(
    note,
    "Rewritten answers: 2 of 8 in FILE are the model's own; 5 keep the reference (1 speaking of the " +
      "reference, 1 cut off, 1 empty, 1 naming the new token, 1 the same words); 1 have none and are left " +
      "out (1 cut off).",
  );
});

const object = (thought: string, label: string) => `{'thought': "${thought}", 'label': '${label}'}`;

Deno.test("taskChats() keeps the reference of formatted text unless the parser finds its label", async () => {
  const reference = object("it's so", "yes");
  const own: ReadonlyArray<readonly [answer: string, taken: boolean]> = [
    [object("that is right", "yes"), true],
    [JSON.stringify({ label: "yes", thought: "fine" }), true],
    [object("that is wrong", "no"), false],
    [object("that is right", "maybe"), false],
    ["{'label': 'yes'}", false],
    ["yes, it is so", false],
    [`Sure: ${object("that is right", "yes")}`, false],
    [`${object("that is right", "yes")} as asked`, false],
  ];
  const { answers, note } = await read([
    ...own.map(([answer]) => ({ answer, reference })),
    { answer: object("not at all", "no"), reference: object("no", "no") },
    { answer: object("by no means", "no"), reference: object("never", "no") },
  ]);
  assert.deepEqual(answers.slice(0, -2), own.map(([answer, taken]) => taken ? answer : reference));
  assert.deepEqual(answers.slice(-2), [object("not at all", "no"), object("by no means", "no")]);
  assert.match(
    note,
    /4 of 10 in FILE are the model's own, with the label \(label\) of the reference/,
  );
  assert.match(note, /6 keep the reference \(1 with another label, 5 in another form\)\.$/);
});

Deno.test("taskChats() reads plain chats as they are", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const file = `${yield* fs.makeTempDirectoryScoped()}/task.jsonl`;
    const messages = [{ role: "user", content: "q" }, { role: "assistant", content: " " }] as const;
    yield* fs.writeFileString(file, `${JSON.stringify({ messages })}\n`);
    const { chats, notes } = yield* taskChats(file, { token: "<sep>" });
    assert.deepEqual([chats, notes], [[{ messages, at: { file, line: 1 } }], []]);
  }).pipe(
    Effect.scoped,
    Effect.provide(layerDatasetsFile),
    Effect.provide(platform),
    Effect.runPromise,
  ));
