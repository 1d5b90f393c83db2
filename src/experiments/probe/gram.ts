/** Inner products of gradients, and what they say: cosines, norms of means, cancellation. @module */

/** Elements `[from, to)` of a flat vector. */
export type Stretch = readonly [from: number, to: number];

/** The inner products of every two of some vectors. */
export interface Gram {
  /** How many vectors there are. */
  readonly size: number;
  /** `[size, size]`, symmetric. */
  readonly products: Float64Array;
}

/** One Gram matrix a region: over the elements in its stretches alone. Sums in f64. */
export const gramsOf = (
  vectors: ReadonlyArray<Float32Array>,
  regions: ReadonlyArray<ReadonlyArray<Stretch>>,
): ReadonlyArray<Gram> =>
  regions.map((stretches) => {
    const size = vectors.length;
    const products = new Float64Array(size * size);
    for (const [i, a] of vectors.entries()) {
      for (let j = i; j < size; j++) {
        const product = innerProduct(a, vectors[j]!, stretches);
        products[i * size + j] = product;
        products[j * size + i] = product;
      }
    }
    return { size, products };
  });

const innerProduct = (
  a: Float32Array,
  b: Float32Array,
  stretches: ReadonlyArray<Stretch>,
): number => {
  let sum = 0;
  for (const [from, to] of stretches) {
    for (let i = from; i < to; i++) sum += a[i]! * b[i]!;
  }
  return sum;
};

/** The Gram matrix over the elements of several disjoint regions together. */
export const joinGrams = (grams: ReadonlyArray<Gram>): Gram => {
  const products = new Float64Array(grams[0]!.products.length);
  for (const gram of grams) gram.products.forEach((product, i) => products[i]! += product);
  return { size: grams[0]!.size, products };
};

/** Vectors whose mean is meant, and the weight of that mean among others. */
export interface Part {
  readonly weight: number;
  /** Indices of the vectors. */
  readonly members: ReadonlyArray<number>;
}

/** Σ weight · mean of the part's vectors. */
export type Mix = ReadonlyArray<Part>;

/** Inner product of two mixes. */
export const product = (gram: Gram, a: Mix, b: Mix): number =>
  a.reduce(
    (sum, one) =>
      sum +
      b.reduce((sum, other) => sum + one.weight * other.weight * meanProduct(gram, one, other), 0),
    0,
  );

const meanProduct = ({ size, products }: Gram, { members: a }: Part, { members: b }: Part) =>
  a.reduce((sum, i) => sum + b.reduce((sum, j) => sum + products[i * size + j]!, 0), 0) /
  (a.length * b.length);

/** Norm of a mix. */
export const norm = (gram: Gram, a: Mix): number => Math.sqrt(product(gram, a, a));

/** Mean norm of the single vectors. */
export const meanNorm = ({ size, products }: Gram, members: ReadonlyArray<number>): number =>
  mean(members.map((i) => Math.sqrt(products[i * size + i]!)));

/** Cosine of the angle between two mixes; NaN where one of them is zero. */
export const cosine = (gram: Gram, a: Mix, b: Mix): number =>
  product(gram, a, b) / (norm(gram, a) * norm(gram, b));

/** How far `a` reaches along the direction of `b`; NaN where `b` is zero. */
export const projection = (gram: Gram, a: Mix, b: Mix): number =>
  product(gram, a, b) / norm(gram, b);

/**
 * Squared norm of what the mix would be with a mean over infinitely many vectors a part, unbiased
 * where the vectors are independent draws: a vector's product with itself, which holds its own
 * noise, is left out. NaN where a part has one vector; it may be negative.
 */
export const expectedSquare = (gram: Gram, a: Mix): number =>
  a.reduce((sum, one, i) =>
    sum + a.reduce((sum, other, j) =>
      sum + one.weight * other.weight *
        (i === j ? meanOfOthers(gram, one.members) : meanProduct(gram, one, other)), 0), 0);

const meanOfOthers = ({ size, products }: Gram, members: ReadonlyArray<number>): number =>
  members.reduce(
    (sum, i) => sum + members.reduce((sum, j) => sum + (i === j ? 0 : products[i * size + j]!), 0),
    0,
  ) /
  (members.length * (members.length - 1));

/** Least share of a mix's squared norm that is not noise, for {@linkcode expectedCosine}. */
const leastSignal = 0.25;

/**
 * Cosine between what the two mixes would be without sampling noise; they share no vector. NaN where
 * one of them is noise for the most part. As an estimate it may lie outside [−1, 1].
 */
export const expectedCosine = (gram: Gram, a: Mix, b: Mix): number => {
  const squares = [a, b].map((mix) => {
    const square = expectedSquare(gram, mix);
    return square >= leastSignal * product(gram, mix, mix) ? square : NaN;
  });
  return product(gram, a, b) / Math.sqrt(squares[0]! * squares[1]!);
};

/**
 * ‖mean of `count` vectors‖ over their mean norm, averaged over disjoint runs of so many members:
 * 1 where all are the same, near 1/√count where they have nothing in common. NaN where there are
 * fewer members than `count`.
 */
export const cancellation = (
  gram: Gram,
  members: ReadonlyArray<number>,
  count: number,
): number =>
  mean(
    runsOf(members, count).map((run) =>
      norm(gram, [{ weight: 1, members: run }]) / meanNorm(gram, run)
    ),
  );

/**
 * The same of root mean squares: √(mean ‖mean of `count`‖² / mean ‖vector‖²). Of independent vectors
 * with mean zero it is 1/√count whatever their lengths; {@linkcode cancellation} is above that where
 * a few are much longer than the others.
 */
export const rmsCancellation = (
  gram: Gram,
  members: ReadonlyArray<number>,
  count: number,
): number => {
  const runs = runsOf(members, count);
  const ofMeans = runs.map((run) => norm(gram, [{ weight: 1, members: run }]) ** 2);
  return Math.sqrt(mean(ofMeans) / meanSquare(gram, runs.flat()));
};

/**
 * Length of what all vectors have in common, over their root mean square: where
 * {@linkcode rmsCancellation} ends for many.
 */
export const sharedShare = (gram: Gram, members: ReadonlyArray<number>): number =>
  Math.sqrt(Math.max(0, meanOfOthers(gram, members)) / meanSquare(gram, members));

const runsOf = (
  members: ReadonlyArray<number>,
  count: number,
): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from(
    { length: Math.floor(members.length / count) },
    (_, run) => members.slice(run * count, (run + 1) * count),
  );

const meanSquare = ({ size, products }: Gram, members: ReadonlyArray<number>): number =>
  mean(members.map((i) => products[i * size + i]!));

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
