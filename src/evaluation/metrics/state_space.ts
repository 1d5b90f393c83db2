/**
 * How many ways a model sees to go on at one token: the state space of the paper's figure 4 (arXiv
 * 2408.10841), whose definition is unpublished. All in f64 from one row of logits.
 *
 * @module
 */

/** What a row of logits says about the next token. */
export interface StateSpace {
  /** S = −ln p(gold), in nats: what the paper's code logs. */
  readonly surprise: number;
  /** p(gold). */
  readonly probability: number;
  /** 1 where gold is the likeliest token; one more than the tokens that are likelier. */
  readonly rank: number;
  /** H = −Σ p ln p, in nats. */
  readonly entropy: number;
  /** exp(H): as many equally likely tokens would have this entropy. */
  readonly effectiveStates: number;
  /** The fewest tokens that together have `nucleusMass`. */
  readonly nucleus: number;
}

/** How {@linkcode stateSpace} counts. */
export interface StateSpaceOptions {
  /** Probability that the nucleus must have; 0.95 unless told. */
  readonly nucleusMass?: number;
  /** Only the first so many rows of the head are tokens; all unless told. */
  readonly validVocab?: number;
}

/** A mass this much too small counts as reached: sums of many probabilities are off by as much. */
const rounding = 1e-12;

/**
 * The state space of a row of logits `[vocab]`, where `gold` is the token that should follow.
 * Throws a `RangeError` where gold is no token of it or a logit is NaN or +∞; −∞ is probability 0.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { stateSpace } from "@delia/delia/evaluation";
 *
 * const { surprise, effectiveStates, nucleus, rank } = stateSpace([3, 3, 3, 3], 2);
 * assert.ok(Math.abs(surprise - Math.log(4)) < 1e-12 && Math.abs(effectiveStates - 4) < 1e-12);
 * assert.deepEqual([nucleus, rank], [4, 1]);
 * ```
 */
export const stateSpace = (
  logits: ArrayLike<number>,
  gold: number,
  { nucleusMass = 0.95, validVocab = logits.length }: StateSpaceOptions = {},
): StateSpace => {
  if (!Number.isInteger(gold) || gold < 0 || gold >= validVocab) {
    throw new RangeError(`Expected a gold token below ${validVocab} but found ${gold}`);
  }
  const row = Float64Array.from({ length: validVocab }, (_, i) => logits[i]!);
  const odd = row.findIndex((logit) => Number.isNaN(logit) || logit === Infinity);
  if (odd >= 0) throw new RangeError(`Expected numbers but found logit ${row[odd]} at ${odd}`);
  const top = row.reduce((most, logit) => Math.max(most, logit), -Infinity);
  if (top === -Infinity) throw new RangeError("Expected a token that is possible but found none");
  const logSum = top + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
  const logP = row.map((logit) => logit - logSum);
  const p = logP.map((log) => Math.exp(log));
  const entropy = logP.reduce((sum, log, i) => p[i] === 0 ? sum : sum - p[i]! * log, 0);
  return {
    surprise: logSum - row[gold]!,
    probability: p[gold]!,
    rank: 1 + row.filter((logit) => logit > row[gold]!).length,
    entropy,
    effectiveStates: Math.exp(entropy),
    nucleus: nucleusSize(p, nucleusMass),
  };
};

const nucleusSize = (p: Float64Array, mass: number): number => {
  const falling = p.toSorted().reverse();
  let sum = 0;
  const last = falling.findIndex((one) => (sum += one) >= mass - rounding);
  return last < 0 ? falling.length : last + 1;
};

/**
 * Where two sequences first differ; where one is the other's beginning, the shorter one's length.
 * Undefined where they are equal.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { firstDivergence } from "@delia/delia/evaluation";
 *
 * assert.equal(firstDivergence([5, 6, 7], [5, 9, 7]), 1);
 * assert.equal(firstDivergence([5, 6], [5, 6]), undefined);
 * ```
 */
export const firstDivergence = (
  base: ArrayLike<number>,
  tuned: ArrayLike<number>,
): number | undefined => {
  const shorter = Math.min(base.length, tuned.length);
  for (let i = 0; i < shorter; i++) if (base[i] !== tuned[i]) return i;
  return base.length === tuned.length ? undefined : shorter;
};
