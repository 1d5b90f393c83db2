/** How the columns of queries, keys and values divide into heads. @module */

/** Each of `kvHeads` key heads serves `heads / kvHeads` query heads in a row (grouped-query). */
export interface HeadDims {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Columns of `qkv`: the query heads, then the key heads, then the value heads. */
export const qkvCols = (
  { heads, kvHeads, headDim }: Readonly<Record<keyof HeadDims, number>>,
): number => (heads + 2 * kvHeads) * headDim;

/** Throws where the attention kernels cannot divide the heads. */
export const assertHeadDims = ({ heads, kvHeads, headDim }: HeadDims): void => {
  if (headDim % 4 !== 0) {
    throw new RangeError(`Expected headDim to be a multiple of 4 but found ${headDim}`);
  }
  if (heads % kvHeads !== 0) {
    throw new RangeError(`Expected kvHeads to divide heads = ${heads} but found ${kvHeads}`);
  }
};
