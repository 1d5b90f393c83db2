import assert from "node:assert/strict";
import { Effect, Ref } from "effect";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import type { Example } from "../../src/data/example.ts";
import type { Stage } from "../../src/experiments/recipe.ts";
import { trainRecipe } from "../../src/experiments/train_recipe.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { silent } from "../../src/report/progress.ts";
import { layerMemory, type MetricRecord } from "../../src/training/metric_log.ts";
import { onGpu } from "../support/on_gpu.ts";
import { tinyBase, tinyExamples } from "../training/tiny.ts";

// A learning rate of 0: steps differ by what they are shown alone.
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
) =>
  Effect.gen(function* () {
    const base = yield* tinyBase({ tied: true });
    const lora = { rank: 4, alpha: 8, dropout: 0, rsLora: false, targetModules: ["q_proj"] };
    const adapter = yield* makeAdapter(base, lora, 1);
    const log = yield* Ref.make<ReadonlyArray<MetricRecord>>([]);
    yield* trainRecipe(
      { name: "stages", label: "stages", phrasings: "diversified", stages },
      adapter,
      { downstream, diverse: [], facts: [] },
      { config, seed: 1, progress: silent },
    ).pipe(Effect.provide(layerMemory(log)));
    return (yield* Ref.get(log)).map(({ loss, grad_norm }) => `${loss} ${grad_norm}`);
  });

onGpu(
  "trainRecipe() shows every stage in an order of its own, the first as in a recipe of one",
  Effect.gen(function* () {
    const alone = yield* drawn([epoch], tinyExamples(8));
    const two = yield* drawn([epoch, epoch], tinyExamples(8));
    assert.deepEqual(two.slice(0, 4), alone);
    assert.notDeepEqual(two.slice(4), alone);
  }),
);
