import assert from "node:assert/strict";
import { Effect, FileSystem, Path } from "effect";
import { runEval } from "../../src/cli/eval.ts";
import { type GenerateSettings, runGenerate, type Start } from "../../src/cli/generate.ts";
import { inspectIds } from "../../src/cli/inspect.ts";
import { llama } from "../../src/models/llama.ts";
import { loadModel } from "../../src/models/load_model.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { platform } from "../../src/platform.ts";
import { writeModelDirectory } from "../../src/weights/model_directory.ts";
import { writeAdapter } from "../../src/weights/write_adapter.ts";
import type { HostTensor } from "../../src/weights/weights.ts";
import { matricesOf, openGolden, tensorOf } from "../models/golden.ts";
import { onGpu, worst } from "../support/on_gpu.ts";
import { tinyFiles, tinyTokenizer } from "../support/tiny_tokenizer.ts";

const golden = "fixtures/goldens/llama_untied";

const generate = (start: Start, options: Partial<GenerateSettings> = {}) =>
  Effect.map(
    runGenerate({
      ...{ json: true, model: golden, adapter: undefined },
      ...{ maxNewTokens: 8, temperature: 0, topP: 1, seed: 1, set: [] },
      ...options,
      start,
    }),
    ({ document }) => document,
  );

/** The golden's adapter as a folder in PEFT's layout. */
const goldenAdapter = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const directory = yield* fs.makeTempDirectoryScoped();
  const stored = yield* openGolden("llama_untied");
  const { rank, alpha, new_ids: ids } = stored.lora;
  yield* writeAdapter(directory, {
    ...{ rank, alpha, dropout: 0, rsLora: false, base: { model: golden } },
    linears: matricesOf(stored, "lora"),
    rows: {
      tokens: ids.map((id) => ({ id })),
      input: tensorOf(stored, "rows.input"),
      output: tensorOf(stored, "rows.output"),
    },
  });
  return { directory, stored };
});

/** A random model over the tiny tokenizer, as a directory. */
const tinyModel = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const directory = yield* fs.makeTempDirectoryScoped();
  const config = {
    model_type: "llama",
    vocab_size: tinyTokenizer().vocabSize + 7, // rows behind the tokenizer's
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    max_position_embeddings: 16,
    initializer_range: 0.5,
  };
  const weights = randomWeights(llama, yield* llama.decode(config), 1);
  const tensors: Record<string, HostTensor> = {};
  for (const name of weights.names) tensors[name] = yield* weights.read(name);
  const { tokenizer, config: tokenizerConfig } = tinyFiles();
  yield* writeModelDirectory(directory, {
    config,
    tokenizer: tokenizer as Readonly<Record<string, unknown>>,
    tokenizerConfig: tokenizerConfig as Readonly<Record<string, unknown>>,
    tensors,
    dtype: "F32",
  });
  return directory;
});

onGpu(
  "runGenerate() and inspectIds() give PEFT's tokens and logits from folders alone",
  Effect.gen(function* () {
    const { directory: adapter, stored } = yield* goldenAdapter;
    const { sequences, greedy } = stored.lora;
    const { ids } = sequences[0]!;
    const made = yield* generate({ _tag: "Ids", ids }, { adapter });
    assert.deepEqual(made.ids, greedy.continuations[0]!.slice(0, 8));
    assert.deepEqual([made.finish, made.text, made.logprobs.length], ["length", null, 8]);
    const { document: { logits, hidden, next } } = yield* inspectIds(
      { model: golden, adapter, ids, logits: true, hidden: true, set: [] },
    );
    const expected = tensorOf(stored, "lora.logits");
    const vocab = expected.shape.at(-1)!;
    assert.ok(worst(logits!.flat(), expected.data.subarray(0, ids.length * vocab)) < 1e-5);
    assert.equal(next.at(-1)!.id, made.ids[0]);
    assert.ok(Math.abs(next.at(-1)!.logprob - made.logprobs[0]!) < 1e-4);
    assert.deepEqual([hidden!.length, hidden![0]!.length, hidden![0]![0]!.length], [
      stored.shape.layers,
      ids.length,
      stored.shape.hidden,
    ]);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "loadModel() refuses an adapter that does not fit the model",
  Effect.gen(function* () {
    const { directory, stored } = yield* goldenAdapter;
    const other = yield* tinyModel;
    const { message } = yield* Effect.flip(loadModel(other, directory));
    assert.match(message, /should be|LoRA of linears/);
    const linears = [...matricesOf(stored, "lora")];
    const { rank, alpha } = stored.lora;
    const base = { model: golden };
    const part = {
      rank,
      alpha,
      dropout: 0,
      rsLora: false,
      base,
      linears: new Map(linears.slice(1)),
      targets: {
        target_modules: [...new Set(linears.map(([path]) => path.split(".").at(-1)!))],
        ...{ exclude_modules: null, layers_to_transform: null, layers_pattern: null },
      },
    };
    yield* writeAdapter(directory, part);
    const failure = yield* Effect.flip(loadModel(golden, directory));
    assert.match(failure.message, /of every layer but is without model\.layers/);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "runEval() gives the mean of the supervised tokens' losses, whatever is in the batch",
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const model = yield* tinyModel;
    const tokenizer = tinyTokenizer();
    const chats = [["what is red", "use the format"], ["hello", "world ."]].map(
      ([question, answer]) => ({
        messages: [
          { role: "user" as const, content: question! },
          { role: "assistant" as const, content: answer! },
        ],
      }),
    );
    const data = path.join(model, "chats.jsonl");
    yield* fs.writeFileString(data, chats.map((chat) => `${JSON.stringify(chat)}\n`).join(""));
    const { document } = yield* runEval(
      { json: true, model, adapter: undefined, data, metrics: ["perplexity"], set: [] },
    );
    // The same from the logits of each chat alone.
    const items: Array<{ readonly sum: number; readonly count: number }> = [];
    for (const { messages } of chats) {
      const { ids, spans } = yield* tokenizer.render(messages);
      const { start, end } = spans.find(({ role }) => role === "assistant")!;
      const read = { model, adapter: undefined, ids, logits: true, hidden: false, set: [] };
      const { document: { logits } } = yield* inspectIds(read);
      let sum = 0;
      for (let at = start; at < end; at++) {
        const row = logits![at - 1]!;
        sum += Math.log(row.reduce((all, z) => all + Math.exp(z), 0)) - row[ids[at]!]!;
      }
      items.push({ sum, count: end - start });
    }
    const [sum, count] = [items[0]!.sum + items[1]!.sum, items[0]!.count + items[1]!.count];
    assert.equal(document.supervised_tokens, count);
    assert.ok(Math.abs(document.loss - sum / count) < 1e-5);
    assert.equal(document["perplexity"], Math.exp(document.loss));
    for (const [index, item] of document.items.entries()) {
      assert.equal(item.supervised_tokens, items[index]!.count);
      assert.ok(Math.abs(item.loss - items[index]!.sum / items[index]!.count) < 1e-5);
    }
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "runGenerate() answers a chat with words that the tokenizer has",
  Effect.gen(function* () {
    const model = yield* tinyModel;
    const file = `${model}/chat.json`;
    const chat = { messages: [{ role: "user", content: "what is red" }] };
    const fs = yield* FileSystem.FileSystem;
    yield* fs.writeFileString(file, JSON.stringify(chat, null, 2));
    const tokenizer = tinyTokenizer();
    for (let seed = 0; seed < 8; seed++) {
      const options = { model, temperature: 5, seed };
      const { ids, text } = yield* generate({ _tag: "Chat", file }, options);
      assert.ok(ids.every((id) => id < tokenizer.vocabSize));
      assert.equal(text, tokenizer.decode(ids));
    }
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "runGenerate() says in one message what it cannot do",
  Effect.gen(function* () {
    const model = yield* tinyModel;
    const says = (pattern: RegExp, start: Start, options: Partial<GenerateSettings> = {}) =>
      Effect.map(Effect.flip(generate(start, { model, ...options })), (error) => {
        const { errors = [error] } = error as { readonly errors?: ReadonlyArray<Error> };
        assert.match(errors[0]!.message, pattern);
      });
    const ids = { _tag: "Ids", ids: [3, 4] } as const;
    yield* says(/^nowhere\/config\.json: no such file$/, ids, { model: "nowhere" });
    yield* says(/^nowhere\/adapter_config\.json: no such file$/, ids, { adapter: "nowhere" });
    yield* says(/--ids: the model has the tokens 0 to 24, not 99/, { _tag: "Ids", ids: [99] });
    yield* says(/needs 32 positions but the model has 16/, ids, { maxNewTokens: 30 });
    yield* says(/found "green"/, { _tag: "Text", text: "what is green" });
    yield* says(/--prompt should not be empty/, { _tag: "Text", text: "" });
    yield* says(/^none\.json: no such file$/, { _tag: "Chat", file: "none.json" });
    const text = { _tag: "Text", text: "red" } as const;
    yield* says(/tokenizer\.json cannot be read: no such file$/, text, { model: golden });
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "loadModel() stops at the ends that generation_config.json names too",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const model = yield* tinyModel;
    const before = yield* loadModel(model);
    yield* fs.writeFileString(`${model}/generation_config.json`, '{"eos_token_id": [3, 5]}');
    const { stopIds } = yield* loadModel(model);
    assert.deepEqual(stopIds, [...new Set([...before.stopIds, 3, 5])]);
  }).pipe(Effect.provide(platform)),
);
