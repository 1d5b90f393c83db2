import assert from "node:assert/strict";
import { Effect, FileSystem, Stream } from "effect";
import { runPretrain } from "../../src/cli/pretrain.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { platform } from "../../src/platform.ts";
import { type StepReport, train } from "../../src/training/train.ts";
import { onGpu } from "../support/on_gpu.ts";
import { adapterOnly, runTiny, tinyExamples, tinyOptions, wholeModel } from "./tiny.ts";

const examples = tinyExamples(tinyOptions.batchSize * tinyOptions.steps);
const optimizer = { ...tinyOptions.optimizer, warmupSteps: 0 };

/** What is reported of a run at `learningRate`, and its failure. */
const tooFast = (learningRate: number, reportEvery: number) =>
  Effect.gen(function* () {
    const reports: StepReport[] = [];
    const options = { ...tinyOptions, reportEvery, optimizer: { ...optimizer, learningRate } };
    const failure = yield* Effect.flip(
      train(yield* wholeModel, options, Stream.fromIterable(examples)).pipe(
        Stream.grouped(3),
        Stream.runForEach((some) => Effect.sync(() => reports.push(...some))),
      ),
    );
    return { reports, failure };
  });

onGpu(
  "train() stops at the first loss that is not finite, behind the reports of the steps before it",
  Effect.gen(function* () {
    for (const reportEvery of [1, 3, 20]) {
      const { reports, failure } = yield* tooFast(1e30, reportEvery);
      assert.ok(failure._tag === "TrainingError");
      const { step } = failure.reason;
      assert.ok(step > 0 && step < tinyOptions.steps, `step ${step}`);
      assert.deepEqual(
        reports.map((report) => report.step),
        Array.from({ length: step }, (_, i) => i),
      );
      assert.ok(reports.every(({ loss, gradientNorm }) => Number.isFinite(loss + gradientNorm)));
      assert.match(
        failure.message,
        /^Training \(seed 3\) diverged at step \d: the (loss|gradient norm) should be finite but is (NaN|Infinity), .* rate of 9\.\d+e\+29\. Lower optimizer\.learningRate/,
      );
    }
  }),
);

onGpu(
  "train() looks at the values after the last step, whose update no loss shows",
  Effect.gen(function* () {
    const options = { steps: 1, optimizer: { ...optimizer, learningRate: 1e99 } };
    const failure = yield* Effect.flip(runTiny(yield* adapterOnly(0), options, tinyExamples(4)));
    assert.ok(failure._tag === "TrainingError");
    const { of, step } = failure.reason;
    assert.deepEqual([of, step], ["norm of the trained values", 0]);
  }),
);

onGpu(
  "train() takes steps that nothing supervises for no divergence",
  Effect.gen(function* () {
    const read = examples.map(({ ids }) => ({ ids, supervised: ids.map(() => false) }));
    const reports = yield* runTiny(yield* adapterOnly(0), {}, read);
    assert.ok(reports.every(({ loss }) => Number.isNaN(loss)));
    assert.equal(reports.length, tinyOptions.steps);
  }),
);

onGpu(
  "runTrain() and runPretrain() fail where training diverges, keep what was done and export nothing",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const folder = yield* fs.makeTempDirectoryScoped();
    const set = [
      ...['arms=["base","delia"]', "data.downstreamItems=6", "data.testItems=1"],
      ...["data.phrasingCount=5", "mixing.diverseRatio=1", "sampling.maxNewTokens=16"],
      ...["optimizer.learningRate=1e3", "optimizer.warmupSteps=0", "training.batchSize=1"],
    ];
    const failure = yield* Effect.flip(runTrain({
      ...{ preset: "fixture-smoke", config: undefined, set, model: undefined, data: undefined },
      ...{ diverse: undefined, initAdapter: undefined, seeds: undefined, json: true },
      ...{ out: `${folder}/run`, resume: undefined },
    }));
    assert.match(failure.message, /^delia \(seed 42\) diverged at step \d+: /);
    const arms = (yield* fs.readFileString(`${folder}/run/arms.jsonl`)).trim().split("\n");
    assert.deepEqual(arms.map((line) => JSON.parse(line).name), ["base"]);
    const losses = (yield* fs.readFileString(`${folder}/run/metrics.jsonl`)).trim().split("\n")
      .map((line) => JSON.parse(line).loss);
    assert.ok(losses.length > 0 && losses.every(Number.isFinite));
    for (const name of ["adapter", "result.json"]) {
      assert.equal(yield* fs.exists(`${folder}/run/${name}`), false, name);
    }

    const stopped = yield* Effect.flip(runPretrain({
      ...{ json: true, out: `${folder}/base`, resume: undefined },
      set: [
        ...["hidden=16", "intermediate=32", "layers=1", "heads=2", "kvHeads=1", "batchSize=4"],
        ...["steps=20", "optimizer.warmupSteps=0", "optimizer.learningRate=1e30"],
      ],
    }));
    assert.match(stopped.message, /^pretrain \(seed 1\) diverged at step \d+: /);
    assert.equal(yield* fs.exists(`${folder}/base/model`), false);
  }).pipe(Effect.provide(platform)),
);
