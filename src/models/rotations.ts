/** The table of rotary cosines and sines. @module */
import type { Rotary } from "./architecture.ts";

/**
 * `[positions, 2 · pairs]`: a row holds the cosines of its position's angles, then the sines. Angle i
 * of position p is p · inverseFrequencies[i] (RoFormer, arXiv 2104.09864, eq. 15), rounded to f32 as
 * PyTorch rounds it: at position 100,000 that is a difference of 4e-3.
 */
export const rotationTable = (
  { inverseFrequencies, factor }: Rotary,
  positions: number,
): Float32Array<ArrayBuffer> => {
  const pairs = inverseFrequencies.length;
  const table = new Float32Array(positions * 2 * pairs);
  for (let position = 0; position < positions; position++) {
    const row = position * 2 * pairs;
    for (const [i, frequency] of inverseFrequencies.entries()) {
      table[row + i] = factor * Math.cos(Math.fround(position * frequency));
      table[row + pairs + i] = factor * Math.sin(Math.fround(position * frequency));
    }
  }
  return table;
};
