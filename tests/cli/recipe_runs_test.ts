import assert from "node:assert/strict";
import { Effect, Fiber, FileSystem, Path, Schedule } from "effect";
import type { SettingOptions } from "../../src/cli/config_options.ts";
import { runDiversify } from "../../src/cli/diversify.ts";
import { runMix } from "../../src/cli/mix.ts";
import { type PretrainOptions, runPretrain } from "../../src/cli/pretrain.ts";
import { runSample } from "../../src/cli/sample.ts";
import { readSamples } from "../../src/delia/sample_cache.ts";
import { platform } from "../../src/platform.ts";
import type { MetricRecord } from "../../src/training/metric_log.ts";
import { onGpu } from "../support/on_gpu.ts";

const tiny: ReadonlyArray<string> = [
  ...["hidden=16", "intermediate=32", "layers=1", "heads=2", "kvHeads=1"],
  ...["batchSize=4", "steps=40", "checkpointEvery=10", "optimizer.warmupSteps=2"],
];

const pretrain = (options: Partial<PretrainOptions>) =>
  runPretrain({ json: true, set: [], out: undefined, resume: undefined, ...options });

const recordsOf = Effect.fnUntraced(function* (run: string) {
  const fs = yield* FileSystem.FileSystem;
  const text = yield* fs.readFileString(`${run}/metrics.jsonl`);
  return text.trim().split("\n").map((line) => {
    const { seconds: _, ...record }: MetricRecord = JSON.parse(line);
    return record;
  });
});

/** Options of a run's config, with `set` alone. */
const settings = (set: ReadonlyArray<string>): SettingOptions => ({
  preset: "fixture",
  config: undefined,
  set,
});

onGpu(
  "runPretrain() goes on after an interruption as if there had been none; its model answers",
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const folder = yield* fs.makeTempDirectoryScoped();
    const [whole, stopped] = [path.join(folder, "whole"), path.join(folder, "stopped")];
    const { document } = yield* pretrain({ out: whole, set: tiny });

    const running = yield* Effect.forkChild(pretrain({ out: stopped, set: tiny }));
    yield* fs.exists(path.join(stopped, "checkpoints", "latest.safetensors")).pipe(
      Effect.repeat({ until: (there) => there, schedule: Schedule.spaced("1 millis") }),
    );
    yield* Fiber.interrupt(running);
    const interrupted = yield* recordsOf(stopped);
    assert.ok(interrupted.length < 40, "the run was over before it was interrupted");
    // Steps that the log has and the checkpoint has not: they are done again.
    yield* fs.writeFileString(
      path.join(stopped, "metrics.jsonl"),
      `${JSON.stringify({ ...interrupted.at(-1)!, step: 35 })}\n{"name": "pre`,
      { flag: "a" },
    );
    const resumed = yield* pretrain({ resume: stopped });
    assert.deepEqual(yield* recordsOf(stopped), yield* recordsOf(whole));
    assert.equal(resumed.document.loss, document.loss);
    const files = [whole, stopped].map((run) => path.join(run, "model", "model.safetensors"));
    const [a, b] = yield* Effect.forEach(files, fs.readFile);
    assert.deepEqual(a, b);

    const taken = yield* Effect.flip(pretrain({ out: whole, set: tiny }));
    assert.match(JSON.stringify(taken), /holds a run: go on with --resume/);

    // The model's own answers, and what training would take them for.
    const out = path.join(folder, "samples.jsonl");
    const options = settings([
      ...[`model=${document.model}`, "data.downstreamItems=4", "mixing.diverseRatio=2"],
      ...["sampling.maxNewTokens=4", "sampling.batchSize=3"],
    ]);
    const sampling = {
      ...{ ...options, json: true, prompts: undefined, out },
      ...{ model: undefined, initAdapter: undefined },
    };
    const sampled = yield* runSample(sampling);
    assert.deepEqual(sampled.document.samples, 8);
    const { samples, promptMode } = (yield* readSamples(out))!;
    assert.equal(promptMode, "none");
    assert.deepEqual(samples.map(({ index }) => index), [0, 1, 2, 3, 4, 5, 6, 7]);
    const before = yield* fs.readFileString(out);
    assert.deepEqual(yield* runSample(sampling), sampled);
    assert.equal(yield* fs.readFileString(out), before);
    // A model of forty steps seldom ends an answer: half of them are made such as training takes.
    const settled = before.trim().split("\n").map((line, at) => {
      const sample = JSON.parse(line);
      if (at % 2 === 0) sample.messages[1].content = "red .";
      return `${JSON.stringify({ ...sample, finish: at % 2 === 0 ? "stop" : "length" })}\n`;
    });
    yield* fs.writeFileString(out, settled.join(""));
    const { document: mixed } = yield* runMix({
      ...{ ...options, diverse: out, json: true, data: undefined },
      out: path.join(folder, "new", "folder", "mixed.jsonl"),
    });
    assert.deepEqual([mixed.downstream, mixed.diverse, mixed.shortage], [4, 4, 4]);
    const lines = (yield* fs.readFileString(mixed.file)).trim().split("\n");
    assert.equal(lines.length, mixed.examples);
  }).pipe(Effect.provide(platform)),
);

Deno.test("runDiversify() gives the world's phrasings, or those of an instruction", () =>
  Effect.gen(function* () {
    const options = { ...settings(["data.phrasingCount=5"]), json: true, out: undefined };
    const world = yield* runDiversify({ ...options, instruction: undefined });
    assert.equal(new Set(world.document).size, 5);
    assert.ok(world.document.every((text) => text.includes("{context}") && text.includes("<sep>")));
    const { document } = yield* runDiversify({
      ...options,
      set: [...options.set, "newToken.token=<fmt>"],
      instruction: "Judge it.",
    });
    assert.ok(document.every((text) => text.includes("Judge it.") && text.includes("<fmt>")));
  }).pipe(Effect.provide(platform), Effect.runPromise));

Deno.test("runDiversify() writes no phrasings that a run would read back otherwise", () =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const folder = yield* fs.makeTempDirectoryScoped();
    const asked = { ...settings(["data.phrasingCount=5"]), json: true };
    const refused = (instruction: string, out: string, pattern: RegExp) =>
      Effect.gen(function* () {
        const at = path.join(folder, out);
        const failure = yield* Effect.flip(runDiversify({ ...asked, instruction, out: at }));
        assert.match(JSON.stringify(failure), pattern);
        assert.equal(yield* fs.exists(at), false);
      });
    yield* refused("Judge\nthe answer.", "p.txt", /--out: a phrasing has several lines.*\.jsonl/);
    yield* refused("Judge\rthe answer.", "p.txt", /--out: a phrasing has several lines.*\.jsonl/);
    yield* refused("", "p.txt", /--instruction should say what to do but is empty/);
    yield* refused(" \n", "p.jsonl", /--instruction should say what to do but is empty/);
    for (const [instruction, out] of [["Judge it.", "p.txt"], ["Judge\nit.", "p.jsonl"]] as const) {
      const at = path.join(folder, out);
      const { document } = yield* runDiversify({ ...asked, instruction, out: at });
      const set = [...asked.set, `data.phrasings=${at}`];
      const read = yield* runDiversify({ ...asked, set, instruction: undefined, out: undefined });
      assert.deepEqual(read.document, document);
    }
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("runDiversify() makes the folder of its file", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const out = `${yield* fs.makeTempDirectoryScoped()}/new/folder/phrasings.txt`;
    const options = { ...settings(["data.phrasingCount=5"]), json: true, instruction: undefined };
    const { document } = yield* runDiversify({ ...options, out });
    assert.equal(yield* fs.readFileString(out), `${document.join("\n")}\n`);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
