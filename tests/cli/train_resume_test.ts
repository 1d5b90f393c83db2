import assert from "node:assert/strict";
import { Effect, Fiber, FileSystem, Schedule } from "effect";
import { goingOn } from "../../src/cli/run_flags.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import type { LegRecord } from "../../src/experiments/legs.ts";
import type { ArmResult, RunResult } from "../../src/experiments/result.ts";
import { type Platform, platform } from "../../src/platform.ts";
import type { MetricRecord } from "../../src/training/metric_log.ts";
import { onGpu } from "../support/on_gpu.ts";

const train = (
  { out, resume }: { readonly out?: string; readonly resume?: string },
) =>
  runTrain(
    resume !== undefined ? goingOn(resume) : {
      ...{ ...goingOn(""), preset: "fixture-smoke", seeds: 2, out, resume },
      set: [
        ...['arms=["base","common_one_epoch"]', "data.downstreamItems=16", "data.testItems=1"],
        ...["training.batchSize=4", "lora.rank=2", "lora.alpha=2"],
      ],
    },
  );

const linesOf = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem;
  return (yield* fs.readFileString(file)).trimEnd().split("\n");
});

/** Where a step stands and what it gave; seconds differ from run to run. */
const stepsOf = (folder: string) =>
  Effect.map(linesOf(`${folder}/metrics.jsonl`), (lines) =>
    lines.map((line) => {
      const { seconds: _, ...record }: MetricRecord = JSON.parse(line);
      return record;
    }));

const withoutSeconds = ({ arms }: RunResult) =>
  arms.map(({ seconds: _, ...arm }: ArmResult) => arm);

/** A run of two seeds; its folder as it was when the arm of the second was under way, before `half`. */
const resumeBehind = (half: string): Effect.Effect<void, unknown, Platform> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    const { document } = yield* train({ out: `${at}/whole` });
    const steps = yield* stepsOf(`${at}/whole`);
    assert.deepEqual(steps.map(({ seed, step }) => [seed, step]), [
      ...[0, 1, 2, 3].map((step) => [42, step]),
      ...[0, 1, 2, 3].map((step) => [43, step]),
    ]);

    yield* fs.copy(`${at}/whole`, `${at}/cut`);
    yield* fs.remove(`${at}/cut/result.json`);
    const arms = yield* linesOf(`${at}/whole/arms.jsonl`);
    yield* fs.writeFileString(`${at}/cut/arms.jsonl`, `${arms.slice(0, 3).join("\n")}\n`);
    const metrics = yield* linesOf(`${at}/whole/metrics.jsonl`);
    const begun = `${metrics.slice(0, 7).join("\n")}\n${half}`;
    yield* fs.writeFileString(`${at}/cut/metrics.jsonl`, begun);
    const resumed = yield* train({ resume: `${at}/cut` });
    assert.deepEqual(
      withoutSeconds(resumed.document as RunResult),
      withoutSeconds(document as RunResult),
    );
    assert.deepEqual(yield* stepsOf(`${at}/cut`), steps);
    assert.ok(yield* fs.exists(`${at}/cut/result.json`));
  }).pipe(Effect.scoped);

onGpu(
  "runTrain() logs the steps of an arm that it does again once",
  Effect.provide(resumeBehind(""), platform),
);

onGpu(
  "runTrain() goes on behind half a line of metrics",
  Effect.provide(resumeBehind('{"name":"common_one_ep'), platform),
);

onGpu(
  "runTrain() leaves a finished run as it is",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    const { document } = yield* train({ out: `${at}/run` });
    assert.equal((document as RunResult).preset, "fixture-smoke");
    const contents = Effect.forEach(
      ["result.json", "report.html", "metrics.jsonl"],
      (file) => fs.readFileString(`${at}/run/${file}`),
    );
    const before = yield* contents;
    for (const folder of [{ resume: `${at}/run` }, { out: `${at}/run` }]) {
      const again = yield* train(folder);
      assert.deepEqual(again.document, JSON.parse(before[0]!));
      assert.deepEqual(yield* contents, before);
      assert.match(again.text, /fixture-smoke on /);
    }
  }).pipe(Effect.scoped, Effect.provide(platform)),
);

onGpu(
  "runTrain() says the preset, time and memory of the whole run after an interruption",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const out = `${yield* fs.makeTempDirectoryScoped()}/run`;
    const running = yield* Effect.forkChild(train({ out }));
    yield* fs.exists(`${out}/arms.jsonl`).pipe(
      Effect.repeat({ until: (there) => there, schedule: Schedule.spaced("1 millis") }),
    );
    yield* Fiber.interrupt(running);
    assert.equal(yield* fs.exists(`${out}/result.json`), false);
    const legs = (yield* linesOf(`${out}/legs.jsonl`)).map((line): LegRecord => JSON.parse(line));
    assert.ok(legs.length >= 2, "the leg did not say when it began and ended");
    const first = { ...legs.at(-1)!, seconds: 1000, peakGpuBytes: 1e12 };
    yield* fs.writeFileString(`${out}/legs.jsonl`, `${JSON.stringify(first)}\n`);
    const result = (yield* train({ resume: out })).document as RunResult;
    assert.equal(result.preset, "fixture-smoke");
    assert.ok(result.seconds > 1000 && result.seconds < 2000, `${result.seconds} s`);
    assert.deepEqual([result.peakGpuBytes, result.legs], [1e12, 2]);
    const report = yield* fs.readFileString(`${out}/report.html`);
    assert.match(report, /whole run.*over 2 legs/);
    assert.match(report, /DELIA: fixture-smoke/);
  }).pipe(Effect.scoped, Effect.provide(platform)),
);
