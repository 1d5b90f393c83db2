/** Intervals over seeds and items: how a number would vary with other seeds and with other items. @module */
import { defaultResamples, type Draw, intervalOf, resampled } from "./bootstrap.ts";
import { defaultLevel, type Interval, mean } from "./interval.ts";
import { checkAlike, type Difference, differenceP } from "./paired_bootstrap.ts";

/** How to resample seeds and items. */
export interface SeedsBootstrapOptions {
  readonly seed: number;
  /** 2,000 unless told. */
  readonly resamples?: number;
  /** 0.95 unless told. */
  readonly level?: number;
  /**
   * `crossed`: every seed was measured on the same items, which are drawn once for all drawn seeds
   * (Owen 2007). `nested`: each seed has items of its own, drawn for each. `crossed` unless told.
   */
  readonly design?: "crossed" | "nested";
}

/** By seed, the score of each item. */
export type SeedScores = ReadonlyArray<ReadonlyArray<number>>;

const meanOfMeans = (scores: SeedScores): number => mean(scores.map(mean));

/** The mean of drawn seeds' means over drawn items; draws from 0 choose seeds, later ones items. */
const redrawn = (scores: SeedScores, design: "crossed" | "nested", draw: Draw): number => {
  const apart = design === "crossed" ? 0 : Math.max(...scores.map(({ length }) => length));
  return mean(scores.map((_, at) => {
    const own = scores[draw(at, scores.length)]!;
    const from = scores.length + at * apart;
    return mean(own.map((_, item) => own[draw(from + item, own.length)]!));
  }));
};

const check = (scores: SeedScores, design: "crossed" | "nested"): void => {
  const items = scores[0]?.length ?? 0;
  if (items === 0 || scores.some(({ length }) => length === 0)) {
    throw new RangeError("Expected seeds with items to resample but found none");
  }
  if (design === "crossed" && scores.some(({ length }) => length !== items)) {
    const sizes = scores.map(({ length }) => length).join(", ");
    throw new RangeError(`Expected the same items of every seed but found ${sizes} of them`);
  }
};

/**
 * The percentile interval of the mean over seeds and items. Few seeds give too narrow a one, as their
 * spread is underestimated by √((k − 1)/k): of 5 seeds that differ more than items do, intervals of 95 %
 * hold the truth in about 90 % of simulated runs, and in 85 % where items do not differ at all.
 * {@linkcode studentInterval} of the seeds' means is right there.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { seedsBootstrap } from "@delia/delia/evaluation";
 *
 * const { value, low, high } = seedsBootstrap([[1, 1, 0], [1, 0, 0], [1, 1, 1]], { seed: 42 });
 * assert.ok(Math.abs(value - 2 / 3) < 1e-12 && low < 0.4 && high === 1);
 * ```
 */
export const seedsBootstrap = (
  scores: SeedScores,
  {
    seed,
    resamples = defaultResamples,
    level = defaultLevel,
    design = "crossed",
  }: SeedsBootstrapOptions,
): Interval => {
  check(scores, design);
  const numbers = resampled((draw) => redrawn(scores, design, draw), seed, resamples);
  return intervalOf(meanOfMeans(scores), numbers, level);
};

/**
 * The mean of `a` less that of `b`, where `a[seed][item]` and `b[seed][item]` are of the same seed and
 * item: all are resampled alike.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { pairedSeedsBootstrap } from "@delia/delia/evaluation";
 *
 * const [a, b] = [[[1, 1, 1], [1, 1, 0]], [[0, 0, 1], [0, 0, 0]]];
 * assert.ok(pairedSeedsBootstrap(a, b, { seed: 42 }).low >= 0);
 * ```
 */
export const pairedSeedsBootstrap = (
  a: SeedScores,
  b: SeedScores,
  options: SeedsBootstrapOptions,
): Difference => {
  checkAlike(a.length, b.length, "seeds");
  const differences = a.map((own, seed) => {
    checkAlike(own.length, b[seed]!.length, `items of seed ${seed}`);
    return own.map((score, item) => score - b[seed]![item]!);
  });
  const { seed, resamples = defaultResamples, level = defaultLevel, design = "crossed" } = options;
  check(differences, design);
  const numbers = resampled((draw) => redrawn(differences, design, draw), seed, resamples);
  return {
    ...intervalOf(meanOfMeans(differences), numbers, level),
    p: differenceP(numbers),
  };
};
