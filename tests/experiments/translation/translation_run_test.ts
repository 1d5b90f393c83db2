import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import type { ExperimentSettings } from "../../../src/cli/experiment.ts";
import { runExperiment } from "../../../src/cli/experiment_run.ts";
import { goingOn } from "../../../src/cli/run_flags.ts";
import { encodeChat } from "../../../src/data/example.ts";
import { readTokenizer } from "../../../src/data/tokenizer_files.ts";
import { exampleLosses } from "../../../src/evaluation/example_losses.ts";
import type { RecipeRecord } from "../../../src/experiments/experiment.ts";
import { experiments } from "../../../src/experiments/registry.ts";
import {
  measureTranslations,
  written,
} from "../../../src/experiments/translation/measure_translations.ts";
import { translationData, turnsOf } from "../../../src/experiments/translation/translation_data.ts";
import { loadDecoder } from "../../../src/models/load_decoder.ts";
import { openModel } from "../../../src/models/open_model.ts";
import { platform } from "../../../src/platform.ts";
import { silent } from "../../../src/report/progress.ts";
import { resolveRunConfig } from "../../../src/config/resolve.ts";
import { onGpu } from "../../support/on_gpu.ts";

const named = (name: string) => experiments.find((experiment) => experiment.name === name)!;

const tiny: ReadonlyArray<string> = [
  "data.downstreamItems=8",
  "data.testItems=3",
  "training.batchSize=8",
];

const settings: ExperimentSettings = {
  ...{ experiment: named("translation"), quick: true, json: true, preset: "fixture" },
  ...{ config: undefined, model: undefined, seeds: 1, resume: undefined, out: undefined },
  ...{ data: undefined, diverse: undefined },
  set: tiny,
};

const goOn = (folder: string): ExperimentSettings => ({
  ...{ ...goingOn(folder), experiment: settings.experiment, quick: false },
});

Deno.test("written() writes the letters of a word together, and leaves the first language alone", () => {
  assert.equal(written("second", "c g q f k i ? c g q b"), "cg q fk i ? cg q b");
  assert.equal(written("first", "color of fox is blue ."), "color of fox is blue .");
});

onGpu(
  "measureTranslations() scores whole answers, and the loss of the reference alone",
  Effect.gen(function* () {
    const config = yield* resolveRunConfig({
      preset: "fixture",
      over: [{ data: { downstreamItems: 20, testItems: 5 } }],
      options: {},
    });
    const { tokenizer, ids } = (yield* readTokenizer("fixtures/base")).withTokens(["<sep>"]);
    const { architecture, shape, weights } = yield* openModel("fixtures/base");
    const decoder = yield* loadDecoder(architecture, shape, weights, { newIds: ids });
    const { to_first: data } = yield* translationData(tokenizer, config, 42);
    const context = { ...{ tokenizer, config, progress: silent, label: "", seed: 42 } };
    const plain = yield* measureTranslations({ decoder }, context, data);
    const examples = yield* Effect.forEach(
      data.test,
      (item) => encodeChat(tokenizer, { messages: turnsOf(item) }, config.training),
    );
    const losses = yield* exampleLosses({ decoder }, examples);
    for (const [at, { sum, supervisedTokens }] of losses.entries()) {
      assert.ok(Math.abs(plain.items.reference_loss![at]! - sum / supervisedTokens) < 1e-5);
    }
    assert.equal(plain.translations!.length, 5);
    assert.deepEqual(plain.items.exact, [0, 0, 0, 0, 0]); // the base has never seen the language
    assert.deepEqual(plain.translations![0]!.references, [data.test[0]!.reference]);

    const shown = yield* measureTranslations(
      { decoder },
      { ...context, answering: { _tag: "InContext", shots: 4 } },
      data,
    );
    assert.ok(shown.metrics.reference_loss! < plain.metrics.reference_loss!);
    const tooMany = measureTranslations(
      { decoder },
      { ...context, answering: { _tag: "InContext", shots: 9 } },
      data,
    );
    assert.match(
      (yield* Effect.flip(tooMany)).message,
      /^9 demonstrations, .* has 256: show fewer$/,
    );
  }).pipe(Effect.provide(platform)),
);

Deno.test("translation goes on after an interruption as if there had been none, and repeats itself", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const read = (name: string) => fs.readFileString(`${directory}/${name}`);
    yield* runExperiment({ ...settings, out: `${directory}/whole` });
    const lines = (yield* read("whole/records.jsonl")).trimEnd().split("\n");
    assert.equal(lines.length, 18);
    const records = lines.map((line): RecipeRecord => JSON.parse(line));
    assert.ok(records.every(({ translations, refused }) => translations?.length === 3 && !refused));

    yield* fs.copy(`${directory}/whole`, `${directory}/cut`);
    yield* fs.remove(`${directory}/cut/result.json`);
    yield* fs.writeFileString(
      `${directory}/cut/records.jsonl`,
      `${lines.slice(0, 13).join("\n")}\n{`,
    );
    yield* runExperiment(goOn(`${directory}/cut`));
    const [whole, resumed] = [
      JSON.parse(yield* read("whole/result.json")),
      JSON.parse(yield* read("cut/result.json")),
    ];
    assert.deepEqual(resumed.records, whole.records);
    assert.deepEqual(resumed.findings, whole.findings);
    assert.match(yield* read("cut/report.html"), /Out of the second language/);

    // What both legs took, and of a run that is done nothing more.
    assert.deepEqual([whole.run.legs, resumed.run.legs], [1, 2]);
    assert.ok(resumed.run.seconds > whole.run.seconds);
    assert.match(yield* read("cut/report.html"), /whole run.*over 2 legs/);
    yield* runExperiment(goOn(`${directory}/cut`));
    assert.deepEqual(JSON.parse(yield* read("cut/result.json")), resumed);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

const refused = [
  [
    "a dictionary that is broken",
    "translation",
    "fox",
    /words\.tsv: line 1: expected a word, a tab/,
  ],
  ["a dictionary elsewhere", "ablation", "fox\tc g", /data\.dictionary: only translation reads it/],
] as const;

for (const [what, experiment, text, message] of refused) {
  Deno.test(`runExperiment() refuses ${what}`, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const directory = yield* fs.makeTempDirectoryScoped();
      const file = `${directory}/words.tsv`;
      yield* fs.writeFileString(file, text);
      const problem = yield* Effect.flip(runExperiment({
        ...settings,
        experiment: named(experiment),
        set: [`data.dictionary=${file}`],
        out: `${directory}/run`,
      }));
      assert.match((problem as Error).message, message);
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
}
