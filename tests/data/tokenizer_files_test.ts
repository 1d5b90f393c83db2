import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { encodeChat } from "../../src/data/example.ts";
import { inspectExample } from "../../src/data/inspect.ts";
import { readTokenizer, writeTokenizer } from "../../src/data/tokenizer_files.ts";
import { platform } from "../../src/platform.ts";
import { tinyFiles } from "../support/tiny_tokenizer.ts";

/** A file system that is this map. */
const inMemory = (files: Map<string, string>) =>
  FileSystem.layerNoop({
    exists: (path) => Effect.succeed(files.has(path)),
    readFileString: (path) => Effect.sync(() => files.get(path) ?? ""),
  });

const run = <A, E>(
  effect: Effect.Effect<A, E, FileSystem.FileSystem>,
  files: Map<string, string>,
): A => Effect.runSync(Effect.provide(effect, inMemory(files)));

const { tokenizer: json, config } = tinyFiles();
const tiny = new Map([
  ["m/tokenizer.json", JSON.stringify(json)],
  ["m/tokenizer_config.json", JSON.stringify(config)],
]);

Deno.test("writeTokenizer() writes what readTokenizer() opens as the same tokenizer", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const out = yield* fs.makeTempDirectoryScoped();
    const { tokenizer } = run(readTokenizer("m"), tiny).withTokens(["<sep>"]);
    yield* writeTokenizer(out, tokenizer);
    const again = yield* readTokenizer(out);
    assert.equal(again.vocabSize, tokenizer.vocabSize);
    assert.deepEqual(again.encode("use <sep>"), tokenizer.encode("use <sep>"));
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("readTokenizer() takes chat_template.jinja before the config's template", () => {
  const files = new Map([...tiny, [
    "m/chat_template.jinja",
    "{{ bos_token }} red {{ eos_token }}",
  ]]);
  const tokenizer = run(readTokenizer("m"), files);
  const { ids } = Effect.runSync(tokenizer.render([{ role: "user", content: "hello" }]));
  assert.equal(tokenizer.decode(ids), "<s> red </s>");
});

Deno.test("readTokenizer() reads the files of older directories, unless added_tokens_decoder is there", () => {
  const older = [
    ["m/special_tokens_map.json", JSON.stringify({ eos_token: { content: "<pad>" } })],
    ["m/added_tokens.json", JSON.stringify({ "red": 13, "<new>": 18 })],
  ] as const;
  const tokenizer = run(readTokenizer("m"), new Map([...tiny, ...older]));
  assert.equal(tokenizer.tokenOf(tokenizer.eosId), "<pad>");
  assert.equal(tokenizer.idOf("<new>"), 18);
  assert.deepEqual(tokenizer.encode("red<new>red"), [13, 18, 13]);

  const newer = JSON.stringify({ ...config as object, added_tokens_decoder: {} });
  const files = new Map([...tiny, ...older, ["m/tokenizer_config.json", newer]]);
  assert.equal(run(readTokenizer("m"), files).idOf("<new>"), undefined);
});

Deno.test("readTokenizer() names the file that holds no JSON", () => {
  const files = new Map([...tiny, ["m/tokenizer.json", "<html>"]]);
  const { message } = run(Effect.flip(readTokenizer("m")), files);
  assert.match(message, /^m\/tokenizer.json cannot be read: SyntaxError/);
});

Deno.test("readTokenizer() opens the fixture's base model, whose answers end in <eos>", () => {
  const folder = new URL("../../fixtures/base/", import.meta.url);
  const files = new Map(
    ["tokenizer.json", "tokenizer_config.json"].map((name) => [
      `base/${name}`,
      Deno.readTextFileSync(new URL(name, folder)),
    ]),
  );
  const { tokenizer } = run(readTokenizer("base"), files).withTokens(["<sep>"]);
  const chat = {
    messages: [
      { role: "user", content: "check the answer . use the <sep> format ." },
      { role: "assistant", content: "the answer is right ." },
    ],
  } as const;
  const example = Effect.runSync(encodeChat(tokenizer, chat, { maxTokens: 256 }));
  assert.equal(
    inspectExample(tokenizer, example),
    "<bos> <user> check the answer . use the <sep> format . <assistant> " +
      "[the] [answer] [is] [right] [.] [<eos>]   (6 of 18 tokens supervised)",
  );
});
