/** Whether one arm is better than another on the same items (Koehn 2004): the paired bootstrap. @module */
import {
  bootstrap,
  type BootstrapOptions,
  defaultResamples,
  resampled,
  type Statistic,
} from "./bootstrap.ts";
import type { Interval } from "./interval.ts";

/** How much one arm has over another. */
export interface Difference extends Interval {
  /**
   * Two-sided p of no difference: twice the smaller share of resamples on one side of 0 (those at 0 on
   * both), one more counted, so that it is never 0; at most 1.
   */
  readonly p: number;
}

/** p of no difference from resampled differences. */
export const differenceP = (numbers: Float64Array): number => {
  const notAbove = numbers.filter((number) => number <= 0).length;
  const notBelow = numbers.filter((number) => number >= 0).length;
  return Math.min(1, 2 * (Math.min(notAbove, notBelow) + 1) / (numbers.length + 1));
};

/** Throws where two arms were not measured on the same number of things. */
export const checkAlike = (a: number, b: number, what: string): void => {
  if (a !== b) {
    throw new RangeError(`Expected as many ${what} of both arms but found ${a} and ${b}`);
  }
};

/**
 * `statistic` of `a` less that of `b`, where `a[i]` and `b[i]` are of the same item: both are
 * resampled alike, so that hard items are hard for both.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { mean, pairedBootstrap } from "@delia/delia/evaluation";
 *
 * const [tuned, base] = [[1, 1, 1, 0, 1, 1, 1, 1], [0, 1, 0, 0, 0, 1, 0, 0]];
 * const { value, low, p } = pairedBootstrap(tuned, base, mean, { seed: 42 });
 * assert.ok(value === 0.625 && low > 0 && p < 0.05);
 * ```
 */
export const pairedBootstrap = <Item>(
  a: ReadonlyArray<Item>,
  b: ReadonlyArray<Item>,
  statistic: Statistic<Item>,
  options: BootstrapOptions,
): Difference => {
  checkAlike(a.length, b.length, "items");
  const difference = (items: ReadonlyArray<number>): number =>
    statistic(items.map((item) => a[item]!)) - statistic(items.map((item) => b[item]!));
  const items = a.map((_, item) => item);
  const interval = bootstrap(items, difference, options);
  // The same draws once more: p and interval are of the same resamples.
  const numbers = resampled(
    (draw) => difference(items.map((at) => draw(at, items.length))),
    options.seed,
    options.resamples ?? defaultResamples,
  );
  return { ...interval, p: differenceP(numbers) };
};
