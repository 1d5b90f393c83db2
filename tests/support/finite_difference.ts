/** The numeric gradient that reference backwards are checked with. @module */

/** d loss / d x by central differences in f64; `x` is left as it was. */
export const finiteDifference = (
  loss: (x: Float64Array) => number,
  x: ArrayLike<number>,
  step = 1e-5,
): Float64Array => {
  const point = Float64Array.from(x);
  return point.map((value, i) => {
    point[i] = value + step;
    const above = loss(point);
    point[i] = value - step;
    const below = loss(point);
    point[i] = value;
    return (above - below) / (2 * step);
  });
};

/** Σ a·b: the loss whose gradient with respect to `a` is `b`. */
export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};
