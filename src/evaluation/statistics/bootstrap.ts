/**
 * Bootstrap intervals (Efron 1979): how a number would vary with other items, told from the items there
 * are by drawing as many of them again, with replacement, many times.
 *
 * @module
 */
import { randomUnit } from "../../gpu/random.ts";
import { checkLevel, defaultLevel, type Interval } from "./interval.ts";
import { normalProbability, normalQuantile } from "./normal.ts";

/**
 * How an interval is read off the resampled numbers: `percentile`, their quantiles; `bca`, quantiles
 * corrected for bias and skew (Efron 1987), better where numbers are few or lean to one side.
 */
export type BootstrapMethod = "percentile" | "bca";

/** How to resample. */
export interface BootstrapOptions {
  /** Of the draws: the same seed gives the same interval. */
  readonly seed: number;
  /** How often; 2,000 unless told. */
  readonly resamples?: number;
  /** Confidence; 0.95 unless told. */
  readonly level?: number;
  /** `bca` unless told. */
  readonly method?: BootstrapMethod;
}

/** How often to resample unless told. */
export const defaultResamples = 2000;

/** A number that a sample has. */
export type Statistic<Item> = (sample: ReadonlyArray<Item>) => number;

/** The value at `share` in [0, 1] of sorted values, between two of them linearly. */
export const quantile = (sorted: ArrayLike<number>, share: number): number => {
  const at = share * (sorted.length - 1);
  const below = Math.min(Math.floor(at), Math.max(0, sorted.length - 2));
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (at - below) * (high - low);
};

/**
 * The interval of `statistic` over other items of the same kind. Items are resampled whole, so that an
 * item may be a pair, or counts that a corpus metric adds up: `bleuOf(addBleuCounts(sample))`.
 * The interval of equal numbers is that number alone: use {@linkcode wilsonInterval} for rates near 0 or 1.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { bootstrap, mean } from "@delia/delia/evaluation";
 *
 * const { value, low, high } = bootstrap([1, 2, 3, 4, 5, 6, 7, 8], mean, { seed: 42 });
 * assert.ok(value === 4.5 && low > 2.5 && low < 3.5 && high > 5.5 && high < 6.5);
 * ```
 */
export const bootstrap = <Item>(
  items: ReadonlyArray<Item>,
  statistic: Statistic<Item>,
  { seed, resamples = defaultResamples, level = defaultLevel, method = "bca" }: BootstrapOptions,
): Interval => {
  if (items.length === 0) throw new RangeError("Expected items to resample but found none");
  const numbers = resampled(
    (draw) => statistic(items.map((_, at) => items[draw(at, items.length)]!)),
    seed,
    resamples,
  );
  const value = statistic(items);
  const skewed = method === "bca" && numbers[0] !== numbers.at(-1);
  return intervalOf(
    value,
    numbers,
    level,
    skewed ? { without: items.map((_, out) => statistic(items.toSpliced(out, 1))) } : {},
  );
};

/** A whole number below `count`: draw `at` of one resample. */
export type Draw = (at: number, count: number) => number;

/** `resamples` numbers, rising, each from draws of its own by the counter-based generator. */
export const resampled = (
  number: (draw: Draw) => number,
  seed: number,
  resamples: number,
): Float64Array => {
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new RangeError(`Expected a number of resamples from 1 but found ${resamples}`);
  }
  const numbers = Float64Array.from(
    { length: resamples },
    (_, resample) => number((at, count) => Math.floor(randomUnit(seed, resample, at) * count)),
  );
  const odd = numbers.find((number) => !Number.isFinite(number));
  if (odd !== undefined) throw new RangeError(`Expected resamples with a number but found ${odd}`);
  return numbers.sort();
};

/** The interval of rising resampled numbers; BCa where `without` has the value without each item. */
export const intervalOf = (
  value: number,
  numbers: Float64Array,
  level: number,
  { without }: { readonly without?: ReadonlyArray<number> } = {},
): Interval => {
  checkLevel(level);
  const tails = [(1 - level) / 2, (1 + level) / 2] as const;
  const [low, high] = without ? correctedTails(tails, numbers, value, without) : tails;
  return { value, low: quantile(numbers, low), high: quantile(numbers, high) };
};

/**
 * Where to read the tails: Φ(z₀ + (z₀ + z)/(1 − a(z₀ + z))), with the bias z₀ from the share of resampled
 * numbers below the value, half of those equal to it, and the skew a from the values without each item
 * (the jackknife).
 */
const correctedTails = (
  tails: readonly [number, number],
  numbers: Float64Array,
  value: number,
  without: ReadonlyArray<number>,
): readonly [number, number] => {
  const below = numbers.filter((number) => number < value).length;
  const equal = numbers.filter((number) => number === value).length;
  const half = 0.5 / numbers.length; // a share of 0 or 1 would be a bias without end
  const share = Math.min(1 - half, Math.max(half, (below + equal / 2) / numbers.length));
  const bias = normalQuantile(share);
  const centre = without.reduce((sum, number) => sum + number, 0) / without.length;
  const sumOf = (power: number): number =>
    without.reduce((sum, number) => sum + (centre - number) ** power, 0);
  const skew = sumOf(2) === 0 ? 0 : sumOf(3) / (6 * sumOf(2) ** 1.5);
  const corrected = (tail: number): number => {
    const z = bias + normalQuantile(tail);
    return normalProbability(bias + z / (1 - skew * z));
  };
  return [corrected(tails[0]), corrected(tails[1])];
};
