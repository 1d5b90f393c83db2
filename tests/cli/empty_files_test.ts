import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import type { ConfigOptions } from "../../src/cli/config_options.ts";
import { runEval } from "../../src/cli/eval.ts";
import { inspectData } from "../../src/cli/inspect.ts";
import { runMix } from "../../src/cli/mix.ts";
import { runSample } from "../../src/cli/sample.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { provenanceFile } from "../../src/delia/sample_cache.ts";
import type { RunResult } from "../../src/experiments/result.ts";
import { platform } from "../../src/platform.ts";
import { onGpu } from "../support/on_gpu.ts";

const model = "fixtures/base";

const options: ConfigOptions = {
  ...{ preset: "fixture-smoke", config: undefined, set: [], model: undefined, data: undefined },
  ...{ diverse: undefined, initAdapter: undefined, seeds: undefined },
};

const chats = (count: number): string =>
  ["color of lime", "size of lime", "color of coal", "size of coal"].slice(0, count).map((what) =>
    `${
      JSON.stringify({
        messages: [
          { role: "user", content: `what is the ${what} ?` },
          { role: "assistant", content: "red ." },
        ],
      })
    }\n`
  ).join("");

/** A folder with a file of chats, one of too few, one of none and one of answers that do not serve. */
const files = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const at = yield* fs.makeTempDirectoryScoped();
  const [task, few, empty, cut] = ["task", "few", "empty", "cut"].map((name) =>
    `${at}/${name}.jsonl`
  ) as [string, string, string, string];
  yield* fs.writeFileString(task, chats(4));
  yield* fs.writeFileString(few, chats(3));
  yield* fs.writeFileString(empty, "\n");
  const [line] = chats(1).split("\n");
  yield* fs.writeFileString(
    cut,
    `${JSON.stringify({ index: 0, finish: "length", ...JSON.parse(line!) })}\n`,
  );
  yield* fs.writeFileString(provenanceFile(cut), JSON.stringify({ promptMode: "none" }));
  return { fs, at, task, few, empty, cut };
});

const refused = <R>(run: Effect.Effect<unknown, unknown, R>, message: string) =>
  Effect.map(Effect.flip(run), (failure) => {
    assert.ok(failure instanceof Error);
    assert.equal(failure.message.slice(0, message.length), message);
  });

onGpu(
  "verbs refuse a file without chats by its name, and write nothing",
  Effect.gen(function* () {
    const { fs, at, task, empty, cut } = yield* files;
    const none = `${empty} holds no chat`;
    const unusable = `${cut} gives no chat to train on: its one answer is left out`;
    const given = [
      ...[[empty, task, none], [task, empty, none]] as const,
      ...[[task, cut, unusable], [cut, task, unusable]] as const,
    ];
    for (const [index, [data, diverse, message]] of given.entries()) {
      const run = `${at}/run-${index}`;
      const train = { ...options, data, diverse, json: true, out: run, resume: undefined };
      yield* refused(runTrain(train), message);
      for (const name of ["adapter", "arms.jsonl", "result.json"]) {
        assert.equal(yield* fs.exists(`${run}/${name}`), false, name);
      }
    }
    const out = `${at}/out.jsonl`;
    for (const files of [{ data: empty, diverse: task }, { data: task, diverse: empty }]) {
      yield* refused(runMix({ ...options, ...files, json: true, out }), none);
    }
    yield* refused(runSample({ ...options, json: true, prompts: empty, out }), none);
    for (const path of [out, provenanceFile(out)]) assert.equal(yield* fs.exists(path), false);
    yield* refused(inspectData({ model, data: empty, maxTokens: 64 }), none);
    const asked = { json: true, model, adapter: undefined, metrics: [], set: [] };
    yield* refused(runEval({ ...asked, data: empty }), none);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "runTrain() says where diverse chats are fewer than the ratio asks for, and its report too",
  Effect.gen(function* () {
    const { fs, at, task, few } = yield* files;
    const train = (diverse: string, out: string) =>
      runTrain({
        ...{ ...options, data: task, diverse, json: true, out: `${at}/${out}`, resume: undefined },
        set: ["mixing.diverseRatio=1", "training.batchSize=4"],
      });
    const said: string[] = [];
    const { error } = console;
    console.error = (line: string) => said.push(line);
    const short = (yield* train(few, "short").pipe(
      Effect.ensuring(Effect.sync(() => console.error = error)),
    )).document as RunResult;
    const note = "1 diverse chat fewer than mixing.diverseRatio asks for";
    assert.deepEqual(said.filter((line) => line.includes("fewer")), [`delia (seed 42): ${note}`]);
    assert.equal(short.arms[0]!.shortage, 1);
    const report = yield* fs.readFileString(`${at}/short/report.html`);
    assert.ok(report.includes(`DELIA, seed 42: ${note}`));

    const whole = (yield* train(task, "whole")).document as RunResult;
    assert.equal(whole.arms[0]!.shortage, undefined);
    assert.doesNotMatch(yield* fs.readFileString(`${at}/whole/report.html`), /fewer than mixing/);
  }).pipe(Effect.provide(platform)),
);
