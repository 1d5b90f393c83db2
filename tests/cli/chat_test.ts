import assert from "node:assert/strict";
import { Console, Effect, FileSystem, Layer, Sink, Stdio, Stream } from "effect";
import { type ChatDocument, type ChatOptions, runChat } from "../../src/cli/chat.ts";
import { runEval } from "../../src/cli/eval.ts";
import { inspectIds } from "../../src/cli/inspect.ts";
import { platform } from "../../src/platform.ts";
import { onGpu } from "../support/on_gpu.ts";

const base = "fixtures/base";
const fox = "what is the size of fox ?";
const big = "size of fox is big .";

interface Ended {
  readonly document?: ChatDocument;
  readonly failure?: string;
  readonly undone?: string | undefined;
}

/** A chat of the lines in `typed`: what it printed, and its document or why it failed. */
const chat = (typed: string, options: Partial<ChatOptions> = {}, talks = false) => {
  const [out, err, said] = [[] as string[], [] as string[], [] as string[]];
  const into = (lines: string[]) => () =>
    Sink.forEach((text: string | Uint8Array) => Effect.sync(() => void lines.push(String(text))));
  const stdio = Stdio.layerTest({
    stdin: Stream.make(new TextEncoder().encode(typed)),
    stdinIsTerminal: Effect.succeed(talks),
    stdout: into(out),
    stderr: into(err),
  });
  const console = { ...globalThis.console, error: (line: string) => void said.push(line) };
  return runChat({
    ...{ json: false, model: base, adapter: undefined, system: undefined, maxNewTokens: 40 },
    ...{ temperature: 0, topP: 1, seed: 1, set: [] },
    ...options,
  }).pipe(
    Effect.map(({ document, undone }): Ended => ({ document, undone })),
    Effect.catch((error) => Effect.succeed<Ended>({ failure: String(error.message) })),
    Effect.map((result) => ({ ...result, out: out.join(""), err: err.join(""), said })),
    Effect.provide(Layer.mergeAll(platform, stdio, Layer.succeed(Console.Console, console))),
  );
};

onGpu(
  "runChat() answers each message, remembers those before it, and forgets at /reset",
  Effect.gen(function* () {
    const { document, out, said, undone } = yield* chat(`${fox}\n\n${fox}\n`);
    assert.equal(undone, undefined);
    assert.equal(out, `${big}\n${big}\n`);
    assert.deepEqual(said, []);
    const turn = [{ role: "user", content: fox }, { role: "assistant", content: big }];
    assert.deepEqual(document?.messages, [...turn, ...turn]);
    const again = yield* chat(`${fox}\n/reset\nwhat is the \\\nsize of fox ?\n/exit\n${fox}\n`, {
      system: "you are a helpful assistant .",
    });
    assert.deepEqual(again.document?.messages, [
      { role: "system", content: "you are a helpful assistant ." },
      { role: "user", content: "what is the \nsize of fox ?" },
      { role: "assistant", content: big },
    ]);
  }),
);

onGpu(
  "runChat() keeps stdout for the document with --json, and invites whoever types",
  Effect.gen(function* () {
    const { document, out, err } = yield* chat(fox, { json: true });
    assert.deepEqual([out, err], ["", `${big}\n`]);
    assert.equal(document?.messages.length, 2);
    const typed = yield* chat(`${fox}\n`, {}, true);
    assert.equal(typed.out, `> ${big}\n> `);
    assert.match(typed.said[0]!, /^A line is a message; .*\/reset forgets; \/exit or Ctrl-D ends$/);
    assert.deepEqual((yield* chat("")).document?.messages, []);
  }),
);

onGpu(
  "runChat() goes on after a message that it cannot answer, and says how",
  Effect.gen(function* () {
    const asked = `what is green glass ?\n/quit\n${fox}\n`;
    const { document, said, undone } = yield* chat(asked);
    assert.equal(undone, "2 of 3 inputs had no answer; see above");
    assert.equal((yield* chat(asked, {}, true)).undone, undefined); // who types has seen it
    assert.match(said[0]!, /found "glass".*\nThe message is forgotten; \/reset forgets all$/);
    assert.match(said[1]!, /^There is no \/quit\. A line is a message/);
    assert.equal(document?.messages.length, 2);
    // 16 tokens a turn: the first answer ends where the positions do, the second question is too long.
    const long = yield* chat(`${fox}\n${fox}\n`, { set: ["model.positions=13"] });
    assert.match(long.out, /^size.* …\n$/);
    assert.match(long.said[0]!, /^Error: A sequence needs \d+ positions but the model has 13/);
    assert.equal(long.document?.messages.length, 2);
  }),
);

onGpu(
  "runChat() fails where no message could be answered",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const model = yield* fs.makeTempDirectoryScoped();
    for (const name of ["config.json", "model.safetensors", "tokenizer.json"]) {
      yield* fs.copyFile(`${base}/${name}`, `${model}/${name}`);
    }
    assert.match((yield* chat(fox, { model })).failure!, /tokenizer_config\.json cannot be read/);
    const { chat_template: _, ...config } = JSON.parse(
      yield* fs.readFileString(`${base}/tokenizer_config.json`),
    );
    yield* fs.writeFileString(`${model}/tokenizer_config.json`, JSON.stringify(config));
    const { failure, said } = yield* chat(`${fox}\n${fox}\n`, { model });
    assert.match(failure!, /tokenizer_config\.json holds no chat_template$/);
    assert.deepEqual(said, []);
    const untold = yield* chat(fox, { model: "fixtures/goldens/qwen2" });
    assert.match(untold.failure!, /tokenizer\.json cannot be read: no such file$/);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "verbs that run a model take --set model.… and refuse any other setting",
  Effect.gen(function* () {
    const answers = yield* Effect.forEach(
      ["f16", "q8"],
      (storage) => chat(fox, { set: [`model.storage=${storage}`, "model.positions=64"] }),
    );
    assert.deepEqual(answers.map(({ out }) => out), [`${big}\n`, `${big}\n`]);
    const inspect = (set: string) =>
      inspectIds({
        model: base,
        adapter: undefined,
        ids: [5, 6],
        logits: true,
        hidden: false,
        set: [set],
      });
    const [exact, packed] = [
      yield* inspect("model.storage=f32"),
      yield* inspect("model.storage=q8"),
    ];
    assert.notDeepEqual(packed.document.logits, exact.document.logits);
    const wrong = yield* Effect.flip(inspect("model.storage=q7"));
    assert.match(String(wrong.message), /model\.storage: Expected .*"q8", got "q7"/);
    const run = { json: true, model: base, adapter: undefined, data: "none.jsonl", metrics: [] };
    const other = yield* Effect.flip(runEval({ ...run, set: ["optimizer.learningRate=1"] }));
    const { errors = [] } = other as { readonly errors?: ReadonlyArray<Error> };
    assert.match(
      errors[0]!.message,
      /^--set: optimizer\.learningRate=1 does not apply; this verb has model\.storage, model\.pos/,
    );
  }).pipe(Effect.provide(platform)),
);
