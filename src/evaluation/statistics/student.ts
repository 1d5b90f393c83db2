/** Student's t: the interval of a mean of few numbers, such as one of each seed. @module */
import { checkLevel, defaultLevel, type Interval, mean } from "./interval.ts";

/** P(|T| ≤ x) with `degrees` of freedom: a finite sum in θ = atan(x/√degrees) (Abramowitz, Stegun 26.7). */
const within = (x: number, degrees: number): number => {
  const angle = Math.atan(x / Math.sqrt(degrees));
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const odd = degrees % 2 === 1;
  let [term, sum] = [odd ? cos : 1, 0];
  for (let k = odd ? 3 : 2; k <= degrees; k += 2) {
    sum += term;
    term *= cos * cos * (k - 1) / k;
  }
  return odd ? 2 / Math.PI * (angle + sin * sum) : sin * sum;
};

/** The x that T is within ±x of with probability `level`; by bisection. */
export const studentReach = (level: number, degrees: number): number => {
  checkLevel(level);
  let [low, high] = [0, 1];
  while (within(high, degrees) < level) high *= 2;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (within(middle, degrees) < level) low = middle;
    else high = middle;
  }
};

/**
 * The interval of the mean of values that are roughly normal, such as one mean of each seed: right also
 * for few of them, where it is wide. Needs two or more.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { studentInterval } from "@delia/delia/evaluation";
 *
 * const { value, low, high } = studentInterval([0.8, 0.9, 1.0, 0.7, 0.85]);
 * assert.deepEqual([value, low, high].map((x) => x.toFixed(3)), ["0.850", "0.711", "0.989"]);
 * ```
 */
export const studentInterval = (
  values: ReadonlyArray<number>,
  level: number = defaultLevel,
): Interval => {
  if (values.length < 2) {
    throw new RangeError(`Expected two values or more but found ${values.length}`);
  }
  const value = mean(values);
  const squares = values.reduce((sum, one) => sum + (one - value) ** 2, 0);
  const error = Math.sqrt(squares / (values.length - 1) / values.length);
  const half = studentReach(level, values.length - 1) * error;
  return { value, low: value - half, high: value + half };
};
