import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import type { ExperimentSettings } from "../../src/cli/experiment.ts";
import {
  experimentConfig,
  type ExperimentResult,
  runExperiment,
} from "../../src/cli/experiment_run.ts";
import type { Experiment } from "../../src/experiments/experiment.ts";
import { ablation } from "../../src/experiments/protocols/ablation.ts";
import { delia, factsOnly } from "../../src/experiments/standard_recipes.ts";
import { platform } from "../../src/platform.ts";
import { writeWorldFiles } from "../support/world_files.ts";

// Two recipes are enough: what is tested is the data.
const experiment: Experiment = { ...ablation, recipes: () => [delia, factsOnly] };

Deno.test("runExperiment() trains and tests on files of one's own, and says what it did with them", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    yield* writeWorldFiles(at, { downstream: 20, test: 12, questions: 16 });
    yield* fs.writeFileString(
      `${at}/facts.jsonl`,
      '{"messages":[{"role":"user","content":"what is <sep> ?"},' +
        '{"role":"assistant","content":"<sep> is json ."}]}\n',
    );
    const settings: ExperimentSettings = {
      ...{ experiment, quick: true, json: true, preset: "fixture", config: undefined },
      ...{ model: undefined, seeds: 1, resume: undefined, out: `${at}/run` },
      ...{ data: `${at}/task.jsonl`, diverse: undefined },
      ...{ test: `${at}/test.jsonl`, questions: `${at}/questions.jsonl` },
      set: [
        ...["data.downstreamItems=8", "data.testItems=4", "mixing.diverseRatio=1"],
        ...[`data.facts=${at}/facts.jsonl`, "data.negation=do not use <sep> ."],
      ],
    };
    const { document } = yield* runExperiment(settings);
    const { records: [record, facts], notes } = document as ExperimentResult;
    const { items, metrics } = record!;
    for (const test of ["t1_held_out_phrasing", "t3_negation", "t4_no_token"]) {
      assert.equal(items[test]!.length, 4, test);
    }
    assert.deepEqual(
      Object.keys(items).filter((name) => name.startsWith("t1_")).sort(),
      ["", "_correct", "_raw_json", "_schema"].map((name) => `t1_held_out_phrasing${name}`),
    );
    assert.equal(metrics["t2_transfer"], undefined);
    assert.equal(metrics["selectivity"], undefined);
    assert.ok(metrics["l2_json_first"]! > 0);
    assert.equal(record!.exposures, 8);
    assert.equal(facts!.exposures, 0);
    assert.ok(facts!.tokens > 0);
    // Both had the same files at hand, and neither took diverse data.
    const [one, other] = [record!.hashes!, facts!.hashes!];
    assert.deepEqual(Object.keys(one), [
      ...["config.json", "tokenizer.json", "model.safetensors"],
      ...["downstream", "diverse", "facts", "tests"],
    ]);
    assert.deepEqual(one, other);
    assert.equal(new Set(Object.values(one)).size, 7);
    assert.match(notes!.join("\n"), /8 of 20 examples/);
    assert.match(yield* fs.readFileString(`${at}/run/report.html`), /8 of 20 examples/);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

const wrong: ReadonlyArray<readonly [string, Partial<ExperimentSettings>, RegExp]> = [
  ["downstream data alone", { data: "a" }, /data\.test: missing[^]*data\.diverse: give either/],
  ["tests alone", { test: "a", diverse: "b" }, /data\.downstream: missing/],
  [
    "two sources of diverse data",
    { data: "a", test: "b", diverse: "c", questions: "d" },
    /give either/,
  ],
  [
    "files of an experiment that has none",
    { experiment: { ...ablation, ownData: undefined } as unknown as Experiment, phrasings: "a" },
    /data\.phrasings: ablation runs on the miniature world/,
  ],
];

for (const [what, options, message] of wrong) {
  Deno.test(`experimentConfig() refuses ${what}`, () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(experimentConfig({
        ...{ experiment, quick: true, json: true, preset: "fixture", config: undefined },
        ...{ model: undefined, seeds: 1, resume: undefined, out: undefined, set: [] },
        ...{ data: undefined, diverse: undefined, ...options },
      }));
      assert.match(error.message, message);
    }).pipe(Effect.provide(platform), Effect.runPromise));
}
