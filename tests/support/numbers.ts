/** Makes and compares numbers for tests. @module */

/** `n` seeded numbers in [-1, 1). */
export const uniform = (n: number, seed: number): Float32Array<ArrayBuffer> => {
  let state = (seed * 0x9e3779b9 + 0x85ebca6b) >>> 0;
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39) >>> 0;
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 31 - 1;
  });
};

/** Largest absolute difference over the largest magnitude expected; NaN counts as infinite. */
export const worst = (actual: ArrayLike<number>, expected: ArrayLike<number>): number => {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < expected.length; i++) {
    const gap = Math.abs((actual[i] ?? NaN) - (expected[i] ?? NaN));
    if (Number.isNaN(gap)) return Infinity;
    difference = Math.max(difference, gap);
    magnitude = Math.max(magnitude, Math.abs(expected[i] ?? 0));
  }
  return magnitude === 0 ? difference : difference / magnitude;
};
