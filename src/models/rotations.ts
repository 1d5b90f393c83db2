/** The table of rotary cosines and sines. @module */
import type { ModelShape } from "./architecture.ts";

/**
 * `[maxPositions, headDim]`: a row holds the cosines of its position's headDim/2 angles, then the
 * sines. Angle i of position p is p · theta^(−2i/headDim) (RoFormer, arXiv 2104.09864, eq. 15).
 */
export const rotationTable = (
  { maxPositions, headDim, ropeTheta }: Pick<
    ModelShape,
    "maxPositions" | "headDim" | "ropeTheta"
  >,
): Float32Array<ArrayBuffer> => {
  const half = headDim / 2;
  const table = new Float32Array(maxPositions * headDim);
  for (let position = 0; position < maxPositions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * ropeTheta ** (-2 * i / headDim);
      table[position * headDim + i] = Math.cos(angle);
      table[position * headDim + half + i] = Math.sin(angle);
    }
  }
  return table;
};
