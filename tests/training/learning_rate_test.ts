import assert from "node:assert/strict";
import type { LearningRateSchedule } from "../../src/config/optimizer_config.ts";
import { learningRateAt } from "../../src/training/learning_rate.ts";
import { tinyOptions } from "./tiny.ts";

const rates = (schedule: LearningRateSchedule, warmupSteps: number, steps: number) =>
  Array.from({ length: steps }, (_, step) =>
    Number(
      learningRateAt(
        { ...tinyOptions.optimizer, learningRate: 8, warmupSteps, schedule },
        step,
        steps,
      ).toFixed(6),
    ));

Deno.test("learningRateAt() rises to the peak in warmupSteps, then stays", () => {
  assert.deepEqual(rates("constant_with_warmup", 4, 6), [2, 4, 6, 8, 8, 8]);
  assert.deepEqual(rates("constant_with_warmup", 0, 2), [8, 8]);
});

Deno.test("learningRateAt() falls to 0 behind the last step along a line", () => {
  assert.deepEqual(rates("linear", 2, 6), [4, 8, 8, 6, 4, 2]);
});

Deno.test("learningRateAt() falls to 0 behind the last step along half a cosine", () => {
  const half = 4 * Math.SQRT1_2;
  const expected = [8, 4 + half, 4, 4 - half].map((rate) => Number(rate.toFixed(6)));
  assert.deepEqual(rates("cosine", 0, 4), expected);
});

Deno.test("learningRateAt() never leaves the warmup of a run that is shorter than it", () => {
  assert.deepEqual(rates("linear", 8, 3), [1, 2, 3]);
});
