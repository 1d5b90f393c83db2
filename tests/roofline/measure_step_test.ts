import assert from "node:assert/strict";
import { Effect, Schema } from "effect";
import { OptimizerConfig } from "../../src/config/optimizer_config.ts";
import { llama } from "../../src/models/llama.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { measureStep, type Workload } from "../../src/roofline/measure_step.ts";
import { tinyShape } from "../training/tiny.ts";

const shape = { ...tinyShape, hidden: 48, intermediate: 64, headDim: 16 };

const workload: Workload = {
  ...{ name: "tiny", architecture: llama, shape, weights: randomWeights(llama, shape, 1) },
  storage: "f32",
  lora: { rank: 4, alpha: 4, dropout: 0, rsLora: false, targetModules: ["q_proj", "down_proj"] },
  optimizer: Schema.decodeSync(OptimizerConfig)({ warmupSteps: 0 }),
  gradientCheckpointing: false,
  sequences: 2,
  length: 8,
};

const productsOf = async (tuned: boolean): Promise<ReadonlyArray<string>> => {
  const tuning = { configurationOf: () => "direct" };
  const measured = await Effect.runPromise(
    measureStep(workload, 1, ...tuned ? [tuning] as const : []),
  );
  assert.equal(measured.submissions, 1);
  assert.ok(measured.kernels.every(({ milliseconds }) => milliseconds > 0));
  return measured.kernels.map(({ kernel }) => kernel).filter((name) => name.startsWith("matmul"));
};

Deno.test("measureStep() times the kernels that a step takes, those of a tuning where there is one", async () => {
  const [builtIn, tuned] = [await productsOf(false), await productsOf(true)];
  const plain = (names: ReadonlyArray<string>) =>
    names.filter((name) => !/tail|residual/.test(name));
  assert.deepEqual(plain(tuned), ["matmul"], "those with more to add have kernels of their own");
  assert.notDeepEqual(plain(builtIn), ["matmul"]);
});
