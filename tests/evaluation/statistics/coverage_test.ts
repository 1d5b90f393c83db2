// How often intervals hold the truth, simulated: what the documentation says of them.
import assert from "node:assert/strict";
import { bootstrap } from "../../../src/evaluation/statistics/bootstrap.ts";
import {
  type Interval,
  mean,
  wilsonInterval,
} from "../../../src/evaluation/statistics/interval.ts";
import { pairedBootstrap } from "../../../src/evaluation/statistics/paired_bootstrap.ts";
import { seedsBootstrap } from "../../../src/evaluation/statistics/seeds_bootstrap.ts";
import { studentInterval } from "../../../src/evaluation/statistics/student.ts";
import { randomNormal } from "../../../src/gpu/random.ts";

const trials = 400;

const coverage = (truth: number, intervalOf: (trial: number) => Interval): number => {
  let held = 0;
  for (let trial = 0; trial < trials; trial++) {
    const { low, high } = intervalOf(trial);
    if (low <= truth && truth <= high) held++;
  }
  return held / trials;
};

const within = (share: number, low: number, high: number) =>
  assert.ok(share >= low && share <= high, `held in ${share} of ${trials}`);

const normals = (trial: number, count: number, from = 0): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => randomNormal(99, trial, from + i));

Deno.test("bootstrap() holds the mean of 40 items about as often as it says", () => {
  const options = (seed: number) => ({ seed, resamples: 300, level: 0.9 });
  const normal = coverage(0, (trial) => bootstrap(normals(trial, 40), mean, options(trial)));
  within(normal, 0.85, 0.94);
  const skewed = coverage(
    Math.exp(0.5),
    (trial) => bootstrap(normals(trial, 40).map(Math.exp), mean, options(trial)),
  );
  within(skewed, 0.76, 0.92);
});

Deno.test("pairedBootstrap() finds no difference where there is none, as often as it says", () => {
  let found = 0;
  for (let trial = 0; trial < trials; trial++) {
    const hard = normals(trial, 30);
    const a = hard.map((item, i) => item + normals(trial, 30, 100)[i]!);
    const b = hard.map((item, i) => item + normals(trial, 30, 200)[i]!);
    if (pairedBootstrap(a, b, mean, { seed: trial, resamples: 150 }).p < 0.1) found++;
  }
  within(found / trials, 0.05, 0.16);
});

Deno.test("wilsonInterval() holds rates near 1", () => {
  for (const rate of [0.9, 0.97]) {
    let held = 0;
    for (let k = 0, p = (1 - rate) ** 32; k <= 32; k++) {
      const { low, high } = wilsonInterval(k, 32);
      if (low <= rate && rate <= high) held += p;
      p *= (32 - k) / (k + 1) * rate / (1 - rate);
    }
    assert.ok(held > 0.92, `${held}`);
  }
});

Deno.test("seedsBootstrap() is too narrow for 5 seeds, studentInterval() of their means is not", () => {
  const scoresOf = (trial: number) =>
    Array.from({ length: 5 }, (_, seed) => {
      const own = 0.5 * randomNormal(5, trial, seed);
      return normals(trial, 40).map((item, i) =>
        own + 0.3 * item + randomNormal(6 + seed, trial, i)
      );
    });
  const crossed = coverage(
    0,
    (trial) => seedsBootstrap(scoresOf(trial), { seed: trial, resamples: 300 }),
  );
  within(crossed, 0.78, 0.92);
  const student = coverage(0, (trial) => studentInterval(scoresOf(trial).map(mean)));
  within(student, 0.92, 0.98);
});
