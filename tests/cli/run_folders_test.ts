import assert from "node:assert/strict";
import { Effect, FileSystem, Result } from "effect";
import { runExperiment } from "../../src/cli/experiment_run.ts";
import { runPretrain } from "../../src/cli/pretrain.ts";
import { runSample } from "../../src/cli/sample.ts";
import { runSweep } from "../../src/cli/sweep_run.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { experiments } from "../../src/experiments/registry.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { type Platform, platform } from "../../src/platform.ts";
import { sampleRun } from "../report/sample_run.ts";
import { onGpu } from "../support/on_gpu.ts";
import { writeTraining } from "../support/run_folders.ts";

const smallest = [
  ...['arms=["base"]', "data.downstreamItems=6", "data.testItems=1", "data.phrasingCount=5"],
  ...["sampling.maxNewTokens=4", "mixing.diverseRatio=2"],
];

const settings = (set: ReadonlyArray<string>) => ({
  ...{ preset: "fixture-smoke", config: undefined, model: undefined, data: undefined },
  ...{ diverse: undefined, initAdapter: undefined, seeds: 1, json: true, set },
});

const train = (out: string, ...set: ReadonlyArray<string>) =>
  runTrain({ ...settings([...smallest, ...set]), out, resume: undefined });

const sample = (out: string) => runSample({ ...settings(smallest), prompts: undefined, out });

const experiment = (out: string, ...set: ReadonlyArray<string>) => {
  const { initAdapter: _, ...options } = settings(set);
  const demonstrations = experiments.find(({ name }) => name === "demonstrations")!;
  return runExperiment({
    ...options,
    experiment: demonstrations,
    quick: true,
    out,
    resume: undefined,
  });
};

const pretrain = (out: string, ...set: ReadonlyArray<string>) =>
  runPretrain({
    ...{ json: true, out, resume: undefined },
    set: [
      ...["hidden=16", "intermediate=32", "layers=1", "heads=2", "kvHeads=1", "batchSize=4"],
      ...["steps=8", "checkpointEvery=4", "optimizer.warmupSteps=2", ...set],
    ],
  });

const sweep = (out: string, ...set: ReadonlyArray<string>) =>
  runSweep({
    ...{ json: true, grid: ["lora.rank=2,4"], seeds: 1, resume: undefined, out },
    words: [
      "train",
      "--preset",
      "fixture-smoke",
      ...[...smallest, ...set].flatMap((it) => ["--set", it]),
    ],
  });

const inFolder = (
  name: string,
  test: (at: string) => Effect.Effect<void, unknown, Gpu | Platform>,
): void =>
  onGpu(
    name,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      yield* test(yield* fs.makeTempDirectoryScoped());
    }).pipe(Effect.scoped, Effect.provide(platform)),
  );

const messageOf = (failure: unknown): string => {
  const { message, errors = [] } = failure as {
    readonly message: string;
    readonly errors?: ReadonlyArray<Error>;
  };
  return [message, ...errors.map((it) => it.message)].join("\n");
};

/** `run` twice at a time: one is done, the other is told that the place is taken. */
const once = <A, E, R>(run: Effect.Effect<A, E, R>): Effect.Effect<void, unknown, R> =>
  Effect.gen(function* () {
    const both = yield* Effect.all([Effect.result(run), Effect.result(run)], {
      concurrency: "unbounded",
    });
    assert.equal(both.filter(Result.isSuccess).length, 1);
    for (const { failure } of both.filter(Result.isFailure)) {
      assert.match(messageOf(failure), /another process is writing there; wait .* another --out/);
    }
  });

inFolder(
  "Runs of every verb that appends to files are alone where they write",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const linesOf = (file: string) =>
        Effect.map(fs.readFileString(`${at}/${file}`), (text) => text.trimEnd().split("\n"));
      yield* once(train(`${at}/train`));
      assert.equal((yield* linesOf("train/arms.jsonl")).length, 1);
      yield* once(pretrain(`${at}/pretrain`));
      assert.equal((yield* linesOf("pretrain/metrics.jsonl")).length, 8);
      yield* once(sample(`${at}/samples.jsonl`));
      assert.equal((yield* linesOf("samples.jsonl")).length, 12);
      yield* once(sweep(`${at}/sweep`));
      const left = (yield* fs.readDirectory(at, { recursive: true })).filter((it) =>
        it.endsWith("lock")
      );
      assert.deepEqual(left, []);
    }),
);

inFolder(
  "Runs that fail at their start leave the folder to a corrected one",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const failed = (run: Effect.Effect<unknown, unknown, Gpu | Platform>) => Effect.flip(run);
      const out = `${at}/train`;
      yield* failed(train(out, "model.memory=0.0001"));
      yield* failed(train(out, `model.source=${at}`));
      assert.equal(yield* fs.exists(out), false);
      // Found out only when the first seed's data are made.
      yield* failed(train(out, "data.phrasings=nowhere.txt"));
      yield* train(out);
      const other = messageOf(yield* Effect.flip(train(out, "lora.rank=2")));
      assert.match(other, /holds a run with other settings; choose another --out/);

      yield* failed(sweep(`${at}/sweep`, "model.memory=0.0001"));
      const again = messageOf(yield* failed(sweep(`${at}/sweep`, "model.memory=0.0002")));
      assert.doesNotMatch(again, /a sweep of other settings/);

      const started = experiment(`${at}/experiment`, "model.memory=0.0001");
      yield* failed(started);
      assert.equal(yield* fs.exists(`${at}/experiment`), false);

      const short = messageOf(yield* failed(pretrain(`${at}/pretrain`, "maxPositions=4")));
      assert.match(short, /at most 4 tokens/);
      yield* pretrain(`${at}/pretrain`);
      assert.match(messageOf(yield* failed(pretrain(`${at}/pretrain`))), /go on with --resume/);
    }),
);

inFolder("Runs leave folders alone that are of another kind", (at) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    yield* writeTraining(`${at}/train`, sampleRun(1));
    for (const file of ["sweep/report.html", "sweep/sweep.json", "notes/chats.jsonl"]) {
      yield* fs.makeDirectory(`${at}/${file.split("/")[0]}`, { recursive: true });
      yield* fs.writeFileString(`${at}/${file}`, "made by others");
    }
    const refused = <A, E, R>(run: Effect.Effect<A, E, R>, found: RegExp) =>
      Effect.gen(function* () {
        const message = messageOf(yield* Effect.flip(run));
        assert.match(message, found);
        assert.match(message, /expected an empty folder or a run of the same kind, found/);
        assert.match(message, /choose another --out/);
      });
    const contents = Effect.gen(function* () {
      const files = (yield* fs.readDirectory(at, { recursive: true })).sort()
        .filter((name) => name.includes("."));
      return yield* Effect.forEach(files, (file) =>
        Effect.map(fs.readFileString(`${at}/${file}`), (text) => [file, text]));
    });
    const before = yield* contents;
    yield* refused(train(`${at}/sweep`), /found report\.html, sweep\.json/);
    yield* refused(train(`${at}/notes`), /found chats\.jsonl/);
    yield* refused(pretrain(`${at}/notes`), /found chats\.jsonl/);
    yield* refused(pretrain(`${at}/train`), /found a run of train/);
    yield* refused(sweep(`${at}/train`), /found arms\.jsonl, config\.json, /);
    yield* refused(sweep(`${at}/notes`), /found chats\.jsonl/);
    assert.deepEqual(yield* contents, before);
    yield* fs.makeDirectory(`${at}/logged`);
    yield* fs.writeFileString(`${at}/logged/train.log`, "begun");
    yield* train(`${at}/logged`);
  }));
