import assert from "node:assert/strict";
import { Effect, Ref } from "effect";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import type { Recipe, TrainingVariant } from "../../src/experiments/recipe.ts";
import { type RecipeData, trainRecipe } from "../../src/experiments/train_recipe.ts";
import { adapterOf, exampleOf } from "../../src/experiments/training_variant.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { mergeAdapter } from "../../src/nn/merge.ts";
import { downloadParameters } from "../../src/nn/parameters.ts";
import { silent } from "../../src/report/progress.ts";
import { layerMemory, type MetricRecord } from "../../src/training/metric_log.ts";
import { onGpu } from "../support/on_gpu.ts";
import { newId, tinyBase, tinyExamples, tinyRow, withNewToken } from "../training/tiny.ts";

const examples = tinyExamples(16);
const data: RecipeData = {
  downstream: examples.slice(0, 4).map(withNewToken),
  diverse: examples.slice(4),
  facts: [],
};

const settings = await Effect.runPromise(resolveRunConfig({ preset: "fixture-smoke" }));
const config = {
  ...settings,
  mixing: { ...settings.mixing, diverseRatio: 3 },
  training: { ...settings.training, batchSize: 4, epochs: 3 },
  optimizer: { ...settings.optimizer, learningRate: 2e-2, warmupSteps: 0 },
};

/** What a recipe with `variant` leaves behind, and the losses on its way. */
const trained = (variant?: TrainingVariant) =>
  Effect.gen(function* () {
    const recipe: Recipe = {
      name: "a_recipe",
      label: "a recipe",
      phrasings: "diversified",
      stages: [{ data: "mixed", length: "epoch" }],
      ...variant ? { variant } : {},
    };
    const base = yield* tinyBase({ tied: true });
    const first = tinyRow(5);
    const { lora, rows } = adapterOf(variant ?? {}, {
      lora: { rank: 4, alpha: 8, dropout: 0, rsLora: false, targetModules: ["q_proj", "v_proj"] },
      rows: { ids: [newId], input: first, trained: true },
    });
    const adapter = yield* makeAdapter(base, lora, 1, { rows });
    const log = yield* Ref.make<ReadonlyArray<MetricRecord>>([]);
    const { steps } = yield* trainRecipe(recipe, adapter, data, {
      config,
      seed: 1,
      progress: silent,
    })
      .pipe(Effect.provide(layerMemory(log)));
    assert.equal(steps, 12);
    yield* mergeAdapter(adapter);
    const gpu = yield* Gpu;
    const row = yield* gpu.download(adapter.rows!.input);
    return {
      records: (yield* Ref.get(log)).map(({ seconds: _, ...record }) => record),
      values: yield* downloadParameters(adapter.parameters),
      rowMoved: Math.hypot(...row.map((value, i) => value - first[i]!)),
    };
  });

const variants: Readonly<Record<string, TrainingVariant>> = {
  "a frozen row": { row: "frozen" },
  "nothing but the row": { row: "only" },
  "lazy AdamW": { lazyAdam: true },
  "LoRA+": { loraPlusRatio: 8 },
  NEFTune: { neftuneAlpha: 5 },
  "instruction modelling": { promptLossWeight: 0.1 },
  "KL to the base": { klWeight: 1 },
  rsLoRA: { rsLora: true },
  DoRA: { dora: true },
};

for (const [what, variant] of Object.entries(variants)) {
  onGpu(
    `trainRecipe() with ${what} trains otherwise than without, and the same from the same seed`,
    Effect.gen(function* () {
      const [plain, own] = [yield* trained(), yield* trained(variant)];
      assert.deepEqual(yield* trained(variant), own);
      assert.notDeepEqual(own.records, plain.records);
      assert.ok(own.records.every(({ loss, grad_norm }) => loss > 0 && grad_norm > 0));
      assert.equal(own.rowMoved === 0, variant.row === "frozen", `${own.rowMoved}`);
      assert.equal([...own.values.keys()].join() === "new_rows", variant.row === "only");
      assert.equal("divergence" in own.records[0]!, variant.klWeight !== undefined);
    }),
  );
}

onGpu(
  "trainRecipe() with KL keeps diverse examples nearer to the base the more it weighs",
  Effect.gen(function* () {
    const last: number[] = [];
    for (const klWeight of [0, 1, 10]) {
      const { records } = yield* trained({ klWeight });
      last.push(records.slice(-4).reduce((sum, { divergence }) => sum + divergence!, 0));
    }
    assert.ok(last[1]! < 0.7 * last[0]! && last[2]! < 0.7 * last[1]!, `${last}`);
  }),
);

Deno.test("exampleOf() supervises prompts by their weight and anchors diverse examples alone", () => {
  const [example] = tinyExamples(1);
  const { ids, supervised } = example!;
  assert.deepEqual(exampleOf({}, example!, "diverse"), example);
  const variant = { promptLossWeight: 0.1, klWeight: 1 };
  assert.deepEqual(exampleOf(variant, example!, "diverse"), {
    ids,
    supervised: ids.map(() => true),
    weights: supervised.map((label) => label ? 1 : 0.1),
    anchored: true,
  });
  assert.equal(exampleOf(variant, example!, "downstream").anchored, undefined);
});
