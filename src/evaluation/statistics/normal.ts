/** The standard normal distribution: its cumulative probability and quantiles, to about 1e-15. @module */

const density = (x: number): number => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);

/** P(X ≤ x) = ½ + φ(x)·(x + x³/3 + x⁵/15 + …), whose terms all have one sign; beyond ±9 it is 0 or 1. */
export const normalProbability = (x: number): number => {
  if (Math.abs(x) > 9) return x < 0 ? 0 : 1;
  let [term, sum] = [x, x];
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
    term *= x * x / n;
    sum += term;
  }
  return 0.5 + density(x) * sum;
};

/** The x that {@linkcode normalProbability} gives `probability` for, ±∞ for 0 and 1; by bisection. */
export const normalQuantile = (probability: number): number => {
  if (!(probability >= 0 && probability <= 1)) {
    throw new RangeError(`Expected a probability but found ${probability}`);
  }
  if (probability === 0 || probability === 1) return probability === 0 ? -Infinity : Infinity;
  let [low, high] = [-9, 9];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) return middle;
    if (normalProbability(middle) < probability) low = middle;
    else high = middle;
  }
};
