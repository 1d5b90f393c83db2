/**
 * The counter-based generator: a number is a function of (seed, stream, element) and nothing else,
 * so that a resumed run draws what an uninterrupted one would. Kernels compute the same bits.
 *
 * @module
 */

/** A full-avalanche mix of 32 bits (two multiply–xorshift rounds). */
const mix = (value: number): number => {
  let bits = value >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b) >>> 0;
  return (bits ^ (bits >>> 16)) >>> 0;
};

/**
 * 32 random bits: mix(mix(mix(seed) + stream) + element), in u32 arithmetic.
 * In WGSL: `mix(mix(mix(seed) + stream) + element)` with the same three-line `mix`.
 */
export const randomBits = (seed: number, stream: number, element: number): number =>
  mix((mix((mix(seed) + stream) >>> 0) + element) >>> 0);

/** A number in [0, 1) with 24 random bits: exact in f32. */
export const randomUnit = (seed: number, stream: number, element: number): number =>
  (randomBits(seed, stream, element) >>> 8) / 2 ** 24;

/** A standard normal number (Box–Muller on two draws). */
export const randomNormal = (seed: number, stream: number, element: number): number => {
  const radius = Math.sqrt(-2 * Math.log(1 - randomUnit(seed, stream, 2 * element)));
  return radius * Math.cos(2 * Math.PI * randomUnit(seed, stream, 2 * element + 1));
};
