// Intervals against scipy's and statsmodels' (tests/parity/make_metric_goldens.py): scipy resampled with
// our generator's draws, so that the ends agree to rounding.
import assert from "node:assert/strict";
import { bleuCounts } from "../../../src/evaluation/metrics/bleu.ts";
import { addBleuCounts, bleuOf } from "../../../src/evaluation/metrics/bleu.ts";
import {
  bootstrap,
  type BootstrapMethod,
  quantile,
} from "../../../src/evaluation/statistics/bootstrap.ts";
import { mean, wilsonInterval } from "../../../src/evaluation/statistics/interval.ts";
import { normalProbability, normalQuantile } from "../../../src/evaluation/statistics/normal.ts";
import { pairedBootstrap } from "../../../src/evaluation/statistics/paired_bootstrap.ts";
import {
  pairedSeedsBootstrap,
  seedsBootstrap,
} from "../../../src/evaluation/statistics/seeds_bootstrap.ts";
import { studentInterval, studentReach } from "../../../src/evaluation/statistics/student.ts";
import goldens from "../../../fixtures/goldens/metrics/statistics.json" with { type: "json" };

const near = (actual: number, expected: number, what: string, tolerance = 1e-9) =>
  assert.ok(Math.abs(actual - expected) < tolerance, `${what}: ${actual} instead of ${expected}`);

const median = (values: ReadonlyArray<number>): number =>
  quantile(values.toSorted((a, b) => a - b), 0.5);

Deno.test("bootstrap() has scipy's percentile and BCa intervals", () => {
  assert.ok(goldens.bootstrap.length > 20);
  for (const { sample, statistic, method, level, resamples, low, high } of goldens.bootstrap) {
    const interval = bootstrap(
      goldens.samples[sample as keyof typeof goldens.samples],
      statistic === "mean" ? mean : median,
      { seed: 42, method: method as BootstrapMethod, level, resamples },
    );
    const what = `${sample} ${statistic} ${method} ${level}`;
    near(interval.low, low, `${what} low`);
    near(interval.high, high, `${what} high`);
  }
});

Deno.test("bootstrap() is the same for the same seed, and another for another", () => {
  const of = (seed: number) => bootstrap(goldens.samples.skewed, mean, { seed });
  assert.deepEqual(of(1), of(1));
  assert.notDeepEqual(of(1), of(2));
});

Deno.test("bootstrap() of equal numbers, and of one, is that number", () => {
  const alike = { value: 2, low: 2, high: 2 };
  assert.deepEqual(bootstrap([2, 2, 2], mean, { seed: 1 }), alike);
  assert.deepEqual(bootstrap([2], mean, { seed: 1 }), alike);
});

Deno.test("bootstrap() refuses what it can't resample", () => {
  assert.throws(() => bootstrap([], mean, { seed: 1 }), /items to resample/);
  assert.throws(() => bootstrap([1], mean, { seed: 1, resamples: 0 }), /from 1 but found 0/);
  assert.throws(() => bootstrap([1], mean, { seed: 1, level: 1 }), /between 0 and 1 but found 1/);
  assert.throws(() => bootstrap([1, 2], () => NaN, { seed: 1 }), /found NaN/);
});

Deno.test("bootstrap() resamples a corpus metric by what it adds up", () => {
  const counts = Array.from({ length: 20 }, (_, i) =>
    bleuCounts({
      hypothesis: "the cat sat on the mat and looked at the dog".split(" ").toSpliced(i % 9, i % 4)
        .join(" "),
      references: ["the cat sat on the mat and looked at the dog"],
    }));
  const { value, low, high } = bootstrap(counts, (sample) => bleuOf(addBleuCounts(sample)), {
    seed: 7,
    resamples: 200,
  });
  assert.ok(low < value && value < high && high - low < 30, `${low} ${value} ${high}`);
});

Deno.test("pairedBootstrap() has scipy's paired interval, and p by the same draws", () => {
  const { a, b, low, high, p } = goldens.paired;
  const difference = pairedBootstrap(a, b, mean, { seed: 42, resamples: 999 });
  near(difference.value, mean(a) - mean(b), "value");
  near(difference.low, low, "low");
  near(difference.high, high, "high");
  near(difference.p, p, "p");
  assert.equal(pairedBootstrap(a, a, mean, { seed: 1 }).p, 1);
  const back = pairedBootstrap(b, a, mean, { seed: 42, resamples: 999 });
  near(back.p, p, "p is two-sided");
  assert.throws(() => pairedBootstrap([1], [1, 2], mean, { seed: 1 }), /found 1 and 2/);
});

Deno.test("seedsBootstrap() draws seeds, and items once for all or for each", () => {
  const { scores } = goldens.seeds;
  for (const design of ["crossed", "nested"] as const) {
    const { value, low, high } = seedsBootstrap(scores, { seed: 42, resamples: 500, design });
    near(value, mean(scores.flat()), "value");
    near(low, goldens.seeds[design][0]!, `${design} low`);
    near(high, goldens.seeds[design][1]!, `${design} high`);
  }
  const ragged = [[1, 0], [1, 1, 0]];
  near(seedsBootstrap(ragged, { seed: 1, design: "nested" }).value, (1 / 2 + 2 / 3) / 2, "ragged");
  assert.throws(() => seedsBootstrap(ragged, { seed: 1 }), /the same items .* found 2, 3/);
  assert.throws(() => seedsBootstrap([[]], { seed: 1 }), /found none/);
});

Deno.test("pairedSeedsBootstrap() is seedsBootstrap() of the differences", () => {
  const a = goldens.seeds.scores;
  const b = a.map((items, seed) => items.map((score, item) => score - 0.1 - 0.01 * seed * item));
  const { value, low, high, p } = pairedSeedsBootstrap(a, b, { seed: 3 });
  const differences = a.map((items, seed) => items.map((score, item) => score - b[seed]![item]!));
  assert.deepEqual({ value, low, high }, seedsBootstrap(differences, { seed: 3 }));
  assert.ok(p === 2 / 2001 && low > 0.09);
  assert.throws(() => pairedSeedsBootstrap(a, a.slice(1), { seed: 1 }), /seeds .* 4 and 3/);
});

Deno.test("wilsonInterval() has statsmodels' ends", () => {
  for (const [successes, trials, level, low, high] of goldens.wilson) {
    const interval = wilsonInterval(successes!, trials!, level);
    near(interval.low, low!, "low");
    near(interval.high, high!, "high");
  }
  assert.throws(() => wilsonInterval(2, 1), /found 2 of 1/);
  assert.throws(() => wilsonInterval(0, 0), /found 0 of 0/);
});

Deno.test("normalQuantile(), studentReach() and quantile() have scipy's and numpy's values", () => {
  for (const [share, x] of goldens.normal) {
    near(normalQuantile(share!), x!, `normal ${share}`, 1e-7);
    near(normalProbability(x!), share!, `normal ${x}`, 1e-15);
  }
  assert.deepEqual([normalQuantile(0), normalQuantile(1)], [-Infinity, Infinity]);
  for (const [level, degrees, x] of goldens.student) {
    near(studentReach(level!, degrees!) / x!, 1, `t ${level} ${degrees}`);
  }
  for (const [share, x] of goldens.quantile) {
    near(quantile([1, 2, 4, 8, 16], share!), x!, `${share}`);
  }
  assert.equal(quantile([3], 0.7), 3);
  assert.throws(() => studentInterval([1]), /two values or more but found 1/);
});
