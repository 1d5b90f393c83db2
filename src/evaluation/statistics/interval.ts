/** A number with the interval it is uncertain in, and the interval of a rate. @module */
import { normalQuantile } from "./normal.ts";

/** An estimate and its confidence interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The mean; NaN of none. */
export const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The confidence intervals that are asked for unless told. */
export const defaultLevel = 0.95;

/** Throws where `level` is no confidence level. */
export const checkLevel = (level: number): void => {
  if (!(level > 0 && level < 1)) {
    throw new RangeError(`Expected a level between 0 and 1 but found ${level}`);
  }
};

/**
 * Wilson's score interval of a rate: right also near 0 and 1 and for few trials, where a bootstrap of
 * 0 out of 32 would say that nothing else is possible. For independent trials: items of one seed.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { wilsonInterval } from "@delia/delia/evaluation";
 *
 * const { value, low, high } = wilsonInterval(32, 32);
 * assert.deepEqual([value, low.toFixed(3), high], [1, "0.893", 1]);
 * ```
 */
export const wilsonInterval = (
  successes: number,
  trials: number,
  level: number = defaultLevel,
): Interval => {
  checkLevel(level);
  if (!(trials > 0 && successes >= 0 && successes <= trials)) {
    throw new RangeError(`Expected successes out of trials but found ${successes} of ${trials}`);
  }
  const z = normalQuantile((1 + level) / 2);
  const rate = successes / trials;
  const shrunk = 1 + z * z / trials;
  const centre = (rate + z * z / (2 * trials)) / shrunk;
  const half = z / shrunk *
    Math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials));
  return {
    value: rate,
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half),
  };
};
