import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { runTrain } from "../../src/cli/train_run.ts";
import type { ArmResult, RunResult } from "../../src/experiments/result.ts";
import { type Platform, platform } from "../../src/platform.ts";
import type { MetricRecord } from "../../src/training/metric_log.ts";
import { onGpu } from "../support/on_gpu.ts";

const train = (folder: { readonly out?: string; readonly resume?: string }) =>
  runTrain({
    ...{ preset: "fixture-smoke", config: undefined, model: undefined, data: undefined },
    ...{ diverse: undefined, initAdapter: undefined, seeds: 2, json: true },
    ...{ out: undefined, resume: undefined },
    set: [
      ...['arms=["base","common_one_epoch"]', "data.downstreamItems=16", "data.testItems=1"],
      ...["training.batchSize=4", "lora.rank=2", "lora.alpha=2"],
    ],
    ...folder,
  });

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
