/** How far two vectors lie apart, in the ways that the L2 measure of a new token needs: plain f64 arithmetic. @module */

/** Distances between two vectors, or their means over pairs. */
export interface Measures {
  /** ‖a − b‖₂. */
  readonly l2: number;
  /** ‖a − b‖₂ / ((‖a‖₂ + ‖b‖₂) / 2): 0 where equal, 2 where opposite. */
  readonly relativeL2: number;
  /** a·b / (‖a‖₂ ‖b‖₂); 0 where one is zero. */
  readonly cosine: number;
  /** L2 without the 2 dimensions where max(|aᵢ|, |bᵢ|) is largest. */
  readonly l2WithoutTop2: number;
  /** L2 without the 8 such dimensions. */
  readonly l2WithoutTop8: number;
}

/** Names of the measures, in the order that tables list them. */
export const measureNames: ReadonlyArray<keyof Measures> = [
  "l2",
  "relativeL2",
  "cosine",
  "l2WithoutTop2",
  "l2WithoutTop8",
];

const mostRemoved = 8;

/**
 * The measures of one pair of vectors of the same length. A few dimensions of a language model's
 * residual stream can be a thousand times larger than the others (massive activations, arXiv
 * 2402.17762) and are all that plain L2 sees; the measures without the top dimensions leave them out.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { measure } from "@delia/delia/evaluation";
 *
 * const { l2, cosine, l2WithoutTop2 } = measure([100, 50, 3, 0], [0, 50, 0, 4]);
 * assert.equal(l2, Math.hypot(100, 0, 3, 4));
 * assert.equal(l2WithoutTop2, 5); // without the dimensions of 100 and 50
 * assert(cosine > 0.4 && cosine < 0.5);
 * ```
 */
export const measure = (a: ArrayLike<number>, b: ArrayLike<number>): Measures => {
  if (a.length !== b.length) {
    throw new RangeError(`Expected vectors of one length but found ${a.length} and ${b.length}`);
  }
  const top = largestDimensions(a, b);
  let [dot, aa, bb, rest] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
    if (!top.includes(i)) rest += (a[i]! - b[i]!) ** 2;
  }
  // The removed squares come back from the smallest on: no large sum is subtracted from.
  const squares = (removed: number): number =>
    top.slice(removed).reduce((sum, i) => sum + (a[i]! - b[i]!) ** 2, rest);
  const l2 = Math.sqrt(squares(0));
  const norms = Math.sqrt(aa) + Math.sqrt(bb);
  return {
    l2,
    relativeL2: norms > 0 ? 2 * l2 / norms : 0,
    cosine: aa > 0 && bb > 0 ? dot / Math.sqrt(aa) / Math.sqrt(bb) : 0,
    l2WithoutTop2: Math.sqrt(squares(2)),
    l2WithoutTop8: Math.sqrt(rest),
  };
};

/** The dimensions with the largest max(|aᵢ|, |bᵢ|), largest first; of equal ones the lower. */
const largestDimensions = (a: ArrayLike<number>, b: ArrayLike<number>): ReadonlyArray<number> => {
  const at: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < a.length; i++) {
    const value = Math.max(Math.abs(a[i]!), Math.abs(b[i]!));
    if (at.length === mostRemoved && value <= values[mostRemoved - 1]!) continue;
    let place = Math.min(at.length, mostRemoved - 1);
    for (; place > 0 && values[place - 1]! < value; place--) {
      values[place] = values[place - 1]!;
      at[place] = at[place - 1]!;
    }
    values[place] = value;
    at[place] = i;
  }
  return at;
};

/** ‖a − b‖₂ alone. */
export const l2Distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(squares);
};

/** The mean of each measure; NaN for none. */
export const meanMeasures = (all: ReadonlyArray<Measures>): Measures => {
  const mean = (name: keyof Measures): number =>
    all.reduce((sum, measures) => sum + measures[name], 0) / all.length;
  return byMeasure(mean);
};

/**
 * How much nearer a word lies than `controls` do on average: mean control distance − its distance, for
 * the cosine its cosine − mean control cosine, so that more than 0 is nearer in each. NaN without controls.
 */
export const specificityOf = (word: Measures, controls: ReadonlyArray<Measures>): Measures => {
  const mean = meanMeasures(controls);
  return byMeasure((name) => (mean[name] - word[name]) * (name === "cosine" ? -1 : 1));
};

const byMeasure = (value: (name: keyof Measures) => number): Measures => ({
  l2: value("l2"),
  relativeL2: value("relativeL2"),
  cosine: value("cosine"),
  l2WithoutTop2: value("l2WithoutTop2"),
  l2WithoutTop8: value("l2WithoutTop8"),
});

/** 1 and how many of `others` are smaller than `distance`: the nearest has rank 1. */
export const rankOf = (distance: number, others: Iterable<number>): number => {
  let rank = 1;
  for (const other of others) if (other < distance) rank++;
  return rank;
};

/** The mean of some vectors of the same length. */
export const meanVector = (vectors: ReadonlyArray<ArrayLike<number>>): Float64Array => {
  const mean = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) {
    for (let i = 0; i < mean.length; i++) mean[i]! += vector[i]! / vectors.length;
  }
  return mean;
};
