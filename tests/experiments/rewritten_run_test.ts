import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { runMix } from "../../src/cli/mix.ts";
import { runSample } from "../../src/cli/sample.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import { layerDatasetsFile } from "../../src/data/datasets_file.ts";
import { readTokenizer } from "../../src/data/tokenizer_files.ts";
import { provenanceFile } from "../../src/delia/sample_cache.ts";
import { ownExperimentData } from "../../src/experiments/own_experiment_data.ts";
import { makeTokenizer } from "../../src/data/tokenizer.ts";
import { taskChats } from "../../src/experiments/task_chats.ts";
import { llama } from "../../src/models/llama.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { writeModelDirectory } from "../../src/weights/model_directory.ts";
import type { HostTensor } from "../../src/weights/weights.ts";
import { readGolden, readTemplate } from "../support/tokenizer_goldens.ts";
import type { RunResult } from "../../src/experiments/result.ts";
import { platform } from "../../src/platform.ts";
import { onGpu } from "../support/on_gpu.ts";
import { writeWorldFiles } from "../support/world_files.ts";

/** Options of a run on `data` without diverse data. */
const options = (data: string, set: ReadonlyArray<string> = []) => ({
  ...{ preset: "fixture", config: undefined, model: undefined, data, diverse: undefined },
  ...{ initAdapter: undefined, seeds: undefined, json: true, resume: undefined },
  set: ["mixing.strategy=downstream_only", "lora.rank=2", "lora.alpha=2", ...set],
});

// A task of the world's files as `sample` would have answered it: by turns in words of the model's own, with
// another label, and cut off.
const writeSamples = (folder: string, file: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const lines = (yield* fs.readFileString(`${folder}/task.jsonl`)).trim().split("\n");
    const samples = lines.map((line, index) => {
      const [user, { content: reference }] = JSON.parse(line).messages;
      const answer = reference.replace(/' thought ' : '.* so/, "' thought ' : ' so");
      const other = answer.replace(/right|wrong/g, (word: string) =>
        word === "right" ? "wrong" : "right");
      return JSON.stringify({
        index,
        finish: index % 3 === 2 ? "length" : "stop",
        messages: [user, {
          role: "assistant",
          content: index % 3 === 1 ? other : answer,
        }],
        reference,
      });
    });
    yield* fs.writeFileString(file, `${samples.join("\n")}\n`);
    yield* fs.writeFileString(provenanceFile(file), '{"promptMode":"using"}');
  });

onGpu(
  "train and mix take the model's own words for targets, and say how many",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    yield* writeWorldFiles(at, { downstream: 12, test: 1, questions: 1 });
    const data = `${at}/samples.jsonl`;
    yield* writeSamples(at, data);
    const note = `Rewritten answers: 4 of 12 in ${data} are the model's own, with the label ` +
      "(answer) of the reference; 8 keep the reference (4 with another label, 4 cut off).";

    const anchor = "this is a test :";
    const mixed = yield* runMix({
      ...options(data, [`data.anchor=${anchor}`]),
      out: `${at}/mixed.jsonl`,
    });
    assert.deepEqual([mixed.document.downstream, mixed.document.notes], [12, [note]]);
    assert.ok(mixed.text.endsWith(note));
    const chats = (yield* fs.readFileString(`${at}/mixed.jsonl`)).trim().split("\n");
    assert.ok(chats.every((line) => JSON.parse(line).messages[0].content.startsWith(anchor)));
    const own = chats.filter((line) => JSON.parse(line).messages[1].content.includes("' so"));
    assert.equal(own.length, 4);

    const tokensOf = (out: string, set: ReadonlyArray<string> = []) =>
      Effect.gen(function* () {
        const { document } = yield* runTrain({ ...options(data, set), out: `${at}/${out}` });
        const { arms: [arm], notes } = document as RunResult;
        assert.deepEqual([arm!.exposures, notes], [12, [note]]);
        const metrics = yield* fs.readFileString(`${at}/${out}/metrics.jsonl`);
        return JSON.parse(metrics.split("\n")[0]!).tokens as number;
      });
    const plain = yield* tokensOf("plain");
    assert.equal(yield* tokensOf("tied", [`data.anchor=${anchor}`]), plain + 12 * 5);
    assert.match(yield* fs.readFileString(`${at}/plain/report.html`), /Rewritten answers: 4 of 12/);
  }).pipe(Effect.provide(platform)),
);

/** A random model over a byte-level tokenizer, as a directory. */
const byteModel = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const directory = yield* fs.makeTempDirectoryScoped();
  const { tokenizer, config: special } = readGolden("smollm2");
  const tokenizerConfig = { ...special, chat_template: readTemplate("chatml").plain };
  const { vocabSize } = yield* makeTokenizer({ tokenizer, config: tokenizerConfig });
  const config = {
    ...{ model_type: "llama", vocab_size: vocabSize, hidden_size: 16, intermediate_size: 24 },
    ...{ num_hidden_layers: 1, num_attention_heads: 2, max_position_embeddings: 2048 },
  };
  const weights = randomWeights(llama, yield* llama.decode(config), 1);
  const tensors: Record<string, HostTensor> = {};
  for (const name of weights.names) tensors[name] = yield* weights.read(name);
  const files = { config, tokenizer, tokenizerConfig };
  yield* writeModelDirectory(directory, { ...files, tensors, dtype: "F32" });
  return directory;
});

onGpu(
  "sample shows a task's reference answers where it is told to, and its file is the task then",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    yield* writeWorldFiles(at, { downstream: 3, test: 1, questions: 1 });
    const model = yield* byteModel;
    const out = `${at}/own.jsonl`;
    const { document, text } = yield* runSample({
      ...options("", ["sampling.promptMode=refer", "sampling.maxNewTokens=3", "seeds=1"]),
      ...{ data: undefined, model, prompts: `${at}/task.jsonl`, out },
    });
    assert.equal(document.samples, 3);
    assert.match(text, /0 of the reference answer$/);
    const { chats, notes: [note] } = yield* taskChats(out, { token: "<sep>" });
    const kept = document.rejected.cut_off + document.rejected.empty;
    assert.ok(kept > 0);
    assert.match(note!, / of 3 in .* are the model's own, with the label \(answer\)/);
    const task = (yield* fs.readFileString(`${at}/task.jsonl`)).trim().split("\n");
    assert.deepEqual(
      chats.map(({ messages }) => messages),
      task.map((line) => JSON.parse(line).messages),
    );
    assert.match(yield* fs.readFileString(provenanceFile(out)), /"promptMode": "refer"/);
  }).pipe(Effect.provide(layerDatasetsFile), Effect.provide(platform)),
);

Deno.test("ownExperimentData() asks for the rewritten answers in every phrasing", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    yield* writeWorldFiles(at, { downstream: 12, test: 6, questions: 2 });
    const data = `${at}/samples.jsonl`;
    yield* writeSamples(at, data);
    const config = yield* resolveRunConfig({
      preset: "fixture",
      set: [
        `data.downstream=${data}`,
        `data.test=${at}/test.jsonl`,
        "data.anchor=this is a test :",
      ],
    });
    const tokenizer = (yield* readTokenizer("fixtures/base")).withTokens(["<sep>"]).tokenizer;
    const own = yield* ownExperimentData(tokenizer, config, 42, { facts: false });
    assert.match(own.notes![0]!, /^Rewritten answers: 4 of 12 in /);
    for (const examples of Object.values(own.downstream)) {
      const texts = examples.map(({ ids }) => tokenizer.decode([...ids]));
      assert.equal(texts.filter((text) => text.includes("' so")).length, 4);
      assert.ok(texts.every((text) => text.includes("<user> this is a test :")));
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(layerDatasetsFile),
    Effect.provide(platform),
    Effect.runPromise,
  ));

onGpu(
  "sample and train refuse words that the model cannot read, by the setting's name",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    yield* writeWorldFiles(at, { downstream: 2, test: 1, questions: 1 });
    const data = `${at}/task.jsonl`;
    const sampled = yield* Effect.flip(runSample({
      ...options(data, ["sampling.promptMode=refer"]),
      ...{ prompts: `${at}/questions.jsonl`, out: `${at}/samples.jsonl` },
    }));
    assert.match(sampled.message, /sampling\.promptMode: the request of "refer" has "For"/);
    const trained = yield* Effect.flip(
      runTrain({ ...options(data, ["data.anchor=quokka"]), out: `${at}/run` }),
    );
    assert.match(trained.message, /data\.anchor: the text has "quokka"/);
  }).pipe(Effect.provide(platform)),
);
