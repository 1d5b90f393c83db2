import assert from "node:assert/strict";
import { Effect, FileSystem, Stream } from "effect";
import { TextLineStream } from "@std/streams";
import { Datasets, layerDatasetsMemory } from "../../src/data/datasets.ts";
import { layerDatasetsFile } from "../../src/data/datasets_file.ts";
import { chatsFromBytes, formatChat } from "../../src/data/jsonl.ts";
import type { Chat } from "../../src/data/chat.ts";

const hi = '{"messages":[{"role":"user","content":"hi"}]}';

/** The bytes in chunks of `size`, so that lines and characters are cut anywhere. */
const chunks = (bytes: Uint8Array<ArrayBuffer>, size: number) =>
  new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size));
      controller.close();
    },
  });

const read = (text: string, size = 7) => {
  const bytes = new TextEncoder().encode(text);
  return Stream.runCollect(chatsFromBytes("a.jsonl", () => chunks(bytes, size)));
};
const lines = (chats: ReadonlyArray<Chat>) => chats.map(({ at }) => at?.line);
const failure = async (text: string) => (await Effect.runPromise(Effect.flip(read(text)))).message;

Deno.test("TextLineStream ends lines at \\n and \\r\\n, however the text is cut", async () => {
  const text = "one\r\ntwo\n\nth\rree\r\n\r\nfour";
  for (const size of [1, 2, 3, 100]) {
    const source = new ReadableStream<string>({
      start: (controller) => {
        for (let i = 0; i < text.length; i += size) controller.enqueue(text.slice(i, i + size));
        controller.close();
      },
    });
    const found = await Array.fromAsync(source.pipeThrough(new TextLineStream()));
    assert.deepEqual(found, ["one", "two", "", "th\rree", "", "four"], `chunks of ${size}`);
  }
});

Deno.test("chatsFromBytes() passes over BOM, CRLF and blank lines, and counts them", async () => {
  const chats = await Effect.runPromise(read(`\uFEFF${hi}\r\n\r\n  \n${hi.replace("hi", "héé")}`));
  assert.deepEqual(lines(chats), [1, 4]);
  assert.equal(chats[1]?.messages[0]?.content, "héé");
});

Deno.test("chatsFromBytes() refuses a file without a chat by its name", async () => {
  for (const text of ["", "\n  \r\n", "\uFEFF"]) {
    assert.equal(
      await failure(text),
      "a.jsonl holds no chat: expected at least one JSON object, each on a line of its own",
    );
  }
});

Deno.test("chatsFromBytes() numbers lines across groups", async () => {
  const chats = await Effect.runPromise(read(`${hi}\n`.repeat(600), 4096));
  assert.deepEqual(lines(chats), Array.from({ length: 600 }, (_, i) => i + 1));
});

Deno.test("chatsFromBytes() names file and line of what is wrong", async () => {
  assert.match(await failure(`${hi}\n\n{"messages":`), /^a.jsonl:3: .*broken JSON \(/);
  assert.equal(
    await failure(`${hi}\n${hi.replace("user", "robot")}`),
    'a.jsonl:2: messages[0].role should be one of system, user, assistant but is "robot"',
  );
  const untold = await failure('{"messages":[{"role":"user"}]}');
  assert.match(untold, /^a.jsonl:1: Expected {"messages".*\["messages"\]\[0\]\["content"\]/);
  assert.match(await failure('{"chat":[]}'), /messages/);
});

const latin1 = (text: string) => Uint8Array.from(text, (it) => it.charCodeAt(0));
const utf16 = (text: string) =>
  new Uint8Array(Uint16Array.from(`\uFEFF${text}`, (it) => it.charCodeAt(0)).buffer);

for (
  const [name, bytes, line, found] of [
    ["Latin-1 in the first line", latin1(hi.replace("hi", "hé")), 1, "other bytes"],
    [
      "Latin-1 in a later line",
      latin1(`${hi}\n\n${hi.replace("hi", "hé")}\n${hi}`),
      3,
      "other bytes",
    ],
    ["a character that breaks off", latin1(`${hi}\n\xc3`), 2, "other bytes"],
    ["a character that a line breaks off", latin1(`${hi}\n\xc3\n${hi}`), 2, "other bytes"],
    ["UTF-16", utf16(`${hi}\n`), 1, "UTF-16"],
  ] as const
) {
  Deno.test(`chatsFromBytes() names the line of bytes that are no UTF-8: ${name}`, async () => {
    for (const size of [1, 2, 7, 60, 1000]) {
      const open = () => chunks(bytes, size);
      const { message } = await Effect.runPromise(
        Effect.flip(Stream.runCollect(chatsFromBytes("a.jsonl", open))),
      );
      const expected = `a.jsonl:${line}: Expected UTF-8 but found ${found}: save the file as UTF-8`;
      assert.equal(message, expected, `chunks of ${size}`);
    }
  });
}

Deno.test("chatsFromBytes() reads characters of two to four bytes, however they are cut", async () => {
  for (const size of [1, 2, 3, 5]) {
    const chats = await Effect.runPromise(read(`${hi}\n${hi.replace("hi", "é€😀")}`, size));
    assert.equal(chats[1]?.messages[0]?.content, "é€😀");
  }
});

Deno.test("formatChat() writes a line that reads back", async () => {
  const chat: Chat = { messages: [{ role: "user", content: 'a "b"\nc' }] };
  const [again] = await Effect.runPromise(read(formatChat(chat)));
  assert.deepEqual(again?.messages, chat.messages);
});

const open = (source: string) =>
  Effect.gen(function* () {
    const datasets = yield* Datasets;
    return yield* Stream.runCollect(datasets.open(source));
  });

Deno.test("Datasets in memory say which sources they hold", async () => {
  const chats: ReadonlyArray<Chat> = [{ messages: [{ role: "user", content: "hi" }] }];
  const layer = layerDatasetsMemory({ greetings: chats });
  assert.deepEqual(await Effect.runPromise(Effect.provide(open("greetings"), layer)), [
    { ...chats[0], at: { file: "greetings", line: 1 } },
  ]);
  const { message } = await Effect.runPromise(Effect.flip(Effect.provide(open("x"), layer)));
  assert.equal(message, "Expected a data set out of [greetings] but found x");
});

Deno.test("Datasets in files read through the file system service", async () => {
  const bytes = new TextEncoder().encode(`${hi}\n${hi}\n`);
  const files = FileSystem.layerNoop({
    open: () => Effect.die("not used"),
    stream: () => Stream.succeed(bytes),
  });
  const chats = await Effect.runPromise(
    open("some/a.jsonl").pipe(Effect.provide(layerDatasetsFile), Effect.provide(files)),
  );
  assert.deepEqual(chats.map(({ at }) => at), [
    { file: "some/a.jsonl", line: 1 },
    { file: "some/a.jsonl", line: 2 },
  ]);
});

Deno.test("Datasets in files name the file that is missing", async () => {
  const { message } = await Effect.runPromise(
    open("none.jsonl").pipe(
      Effect.provide(layerDatasetsFile),
      Effect.provide(FileSystem.layerNoop({})),
      Effect.flip,
    ),
  );
  assert.match(message, /^none.jsonl cannot be read: no such file$/);
});
