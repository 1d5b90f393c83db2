import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import type { ExperimentSettings } from "../../src/cli/experiment.ts";
import { runExperiment } from "../../src/cli/experiment_run.ts";
import { goingOn } from "../../src/cli/run_flags.ts";
import type { RecipeRecord } from "../../src/experiments/experiment.ts";
import { plannedOf } from "../../src/experiments/experiment.ts";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import { experiments } from "../../src/experiments/registry.ts";
import { platform } from "../../src/platform.ts";
import type { MetricRecord } from "../../src/training/metric_log.ts";

const named = (name: string) => experiments.find((experiment) => experiment.name === name)!;

const configOf = ({ settings, quick }: (typeof experiments)[number], seeds: number) =>
  Effect.runSync(
    resolveRunConfig({ preset: "fixture", over: [settings, quick], options: { seeds } }),
  );

const record = (recipe: string, seed: number, selectivity = 0): RecipeRecord => ({
  ...{ recipe, seed, steps: 1, tokens: 1, supervisedTokens: 1, exposures: 1 },
  ...{ metrics: { selectivity }, items: {}, curves: {}, answers: [] },
});

Deno.test("every experiment has names of its own, a protocol, and settings that resolve", () => {
  assert.equal(new Set(experiments.map(({ name }) => name)).size, experiments.length);
  for (const experiment of experiments) {
    const config = configOf(experiment, 1);
    const names = experiment.recipes(config).map(({ name }) => name);
    assert.equal(new Set(names).size, names.length, experiment.name);
    assert.ok(names.every((name) => /^[a-z0-9_]+$/.test(name)), names.join());
    assert.ok(experiment.protocol.length > 0 && experiment.deviations.length > 0);
    // Without a record an experiment says that nothing can be told, and fails nowhere.
    const { claims, tables } = experiment.findings([], config);
    assert.ok(claims.every(({ verdict }) => verdict === "cannot be told"), experiment.name);
    for (const { columns, rows } of tables) {
      assert.ok(rows.every(({ cells }) => cells.length === columns.length), experiment.name);
    }
  }
});

Deno.test("plannedOf() trains every recipe with every seed, less what is done", () => {
  const ablation = named("ablation");
  const config = configOf(ablation, 2);
  const all = plannedOf(ablation, config, []);
  assert.equal(all.length, 2 * ablation.recipes(config).length);
  const { recipe, seed } = all[3]!;
  const rest = plannedOf(ablation, config, [record(recipe.name, seed)]);
  assert.deepEqual(rest, [...all.slice(0, 3), ...all.slice(4)]);
});

Deno.test("ratio_search halves the ratios from rung to rung and gives the last two every seed", () => {
  const search = named("ratio_search");
  const config = configOf(search, 4);
  const recipes = search.recipes(config);
  const records: RecipeRecord[] = [];
  const rungs: number[] = [];
  for (;;) {
    const planned = plannedOf(search, config, records);
    if (planned.length === 0) break;
    rungs.push(planned.length);
    // The later a recipe stands, the better it is.
    for (const { recipe, seed } of planned) {
      records.push(
        record(recipe.name, seed, recipes.findIndex(({ name }) => name === recipe.name)),
      );
    }
  }
  // Eight with one seed, four with one more, two with the two that are left.
  assert.deepEqual(rungs, [8, 4, 4]);
  const [claim] = search.findings(records, config).claims;
  assert.match(claim!.text, new RegExp(`^Recommended: ${recipes.at(-1)!.label}, .* over 4 seeds`));
  assert.equal(claim!.verdict, "holds");
});

const wrong: ReadonlyArray<readonly [string, Partial<ExperimentSettings>, RegExp]> = [
  [
    "data of one's own",
    { set: ["data.downstream=a.jsonl"] },
    /data\.downstream: .*miniature world/,
  ],
  ["an initial adapter", { set: ["initAdapter=a"] }, /initAdapter: .*fresh adapter/],
  ["a config that is not there", { config: "absent.json" }, /absent\.json: no such file/],
];

for (const [what, options, message] of wrong) {
  Deno.test(`runExperiment() refuses ${what}`, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const directory = yield* fs.makeTempDirectoryScoped();
      const problem = yield* Effect.flip(runExperiment({
        ...{ experiment: named("demonstrations"), quick: true, json: true, preset: "fixture" },
        ...{ config: undefined, model: undefined, seeds: 1, set: [], out: `${directory}/run` },
        ...{ data: undefined, diverse: undefined },
        ...{ resume: undefined, ...options },
      }));
      assert.match((problem as Error).message, message);
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
}

Deno.test("runExperiment() refuses a broken run folder", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    yield* fs.writeFileString(`${directory}/config.json`, "{");
    const broken = { ...goingOn(directory), experiment: named("demonstrations"), quick: false };
    const { message } = yield* Effect.flip(runExperiment(broken));
    assert.match(message, /config\.json/);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("runExperiment() goes on after an interruption as if there had been none", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const settings: ExperimentSettings = {
      ...{ experiment: named("demonstrations"), quick: true, json: true, preset: "fixture" },
      ...{ config: undefined, model: undefined, seeds: 1, resume: undefined },
      ...{ data: undefined, diverse: undefined },
      set: ["data.downstreamItems=16", "data.testItems=4", "mixing.diverseRatio=1"],
      out: `${directory}/whole`,
    };
    yield* runExperiment(settings);
    const read = (name: string) => fs.readFileString(`${directory}/${name}`);
    const lines = (yield* read("whole/records.jsonl")).trimEnd().split("\n");
    assert.equal(
      lines.length,
      settings.experiment.recipes(configOf(settings.experiment, 1)).length,
    );

    // As it was when the third training was under way.
    yield* fs.copy(`${directory}/whole`, `${directory}/cut`);
    yield* fs.remove(`${directory}/cut/result.json`);
    const begun = `${lines.slice(0, 2).join("\n")}\n${lines[2]!.slice(0, 30)}`;
    yield* fs.writeFileString(`${directory}/cut/records.jsonl`, begun);
    const half = '{"name":"delia","se';
    yield* fs.writeFileString(`${directory}/cut/metrics.jsonl`, half, { flag: "a" });
    yield* runExperiment({
      ...{ ...goingOn(`${directory}/cut`), experiment: settings.experiment, quick: false },
    });
    const [whole, resumed] = [
      JSON.parse(yield* read("whole/result.json")),
      JSON.parse(yield* read("cut/result.json")),
    ];
    assert.deepEqual(resumed.records, whole.records);
    assert.deepEqual(resumed.findings, whole.findings);
    assert.match(yield* read("cut/report.html"), /Demonstration sentences/);
    const stepsOf = (text: string) =>
      text.trimEnd().split("\n").map((line) => {
        const { seconds: _, ...record }: MetricRecord = JSON.parse(line);
        return record;
      });
    const metrics = [yield* read("cut/metrics.jsonl"), yield* read("whole/metrics.jsonl")];
    assert.deepEqual(stepsOf(metrics[0]!), stepsOf(metrics[1]!));
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
