import assert from "node:assert/strict";
import { Effect, Ref } from "effect";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import type { Example } from "../../src/data/example.ts";
import type { Stage, TrainingVariant } from "../../src/experiments/recipe.ts";
import { trainRecipe } from "../../src/experiments/train_recipe.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { silent } from "../../src/report/progress.ts";
import { layerMemory, type MetricRecord } from "../../src/training/metric_log.ts";
import { onGpu } from "../support/on_gpu.ts";
import { repeated, tinyBase, tinyExamples } from "../training/tiny.ts";

// One example in every place, and a learning rate of 0: steps differ by their draws alone.
const alike = repeated(tinyExamples(1), 8);
const settings = await Effect.runPromise(resolveRunConfig({ preset: "fixture-smoke" }));
const config = {
  ...settings,
  training: { ...settings.training, batchSize: 1, accumulationSteps: 2 },
  optimizer: { ...settings.optimizer, learningRate: 0 },
};

const epoch: Stage = { data: "downstream", length: "epoch" };

/** Loss and gradient norm of every step of `stages` on `downstream`. */
const drawn = (
  stages: ReadonlyArray<Stage>,
  downstream: ReadonlyArray<Example>,
  { dropout, variant }: { readonly dropout: number; readonly variant: TrainingVariant },
) =>
  Effect.gen(function* () {
    const base = yield* tinyBase({ tied: true });
    const lora = { rank: 4, alpha: 8, dropout, rsLora: false, targetModules: ["q_proj"] };
    const adapter = yield* makeAdapter(base, lora, 1);
    const log = yield* Ref.make<ReadonlyArray<MetricRecord>>([]);
    yield* trainRecipe(
      { name: "stages", label: "stages", phrasings: "diversified", stages, variant },
      adapter,
      { downstream, diverse: [], facts: [] },
      { config, seed: 1, progress: silent },
    ).pipe(Effect.provide(layerMemory(log)));
    return (yield* Ref.get(log)).map(({ loss, grad_norm }) => `${loss} ${grad_norm}`);
  });

const draws = {
  "dropout masks": { dropout: 0.2, variant: {} },
  "NEFTune's noise": { dropout: 0, variant: { neftuneAlpha: 5 } },
};

for (const [what, options] of Object.entries(draws)) {
  onGpu(
    `trainRecipe() draws ${what} anew in every stage, the first as in a recipe of one`,
    Effect.gen(function* () {
      const alone = yield* drawn([epoch], alike, options);
      const three = yield* drawn([epoch, epoch, epoch], alike, options);
      assert.equal(alone.length, 4);
      assert.deepEqual(three.slice(0, 4), alone);
      assert.equal(new Set(three).size, 12, three.join("; "));
    }),
  );
}

onGpu(
  "trainRecipe() shows every stage in an order of its own, the first as in a recipe of one",
  Effect.gen(function* () {
    const options = { dropout: 0, variant: {} };
    const alone = yield* drawn([epoch], tinyExamples(8), options);
    const two = yield* drawn([epoch, epoch], tinyExamples(8), options);
    assert.deepEqual(two.slice(0, 4), alone);
    assert.notDeepEqual(two.slice(4), alone);
  }),
);
