/** numpy's `default_rng(seed)`: SeedSequence, PCG64 and the permutation, bit for bit. @module */

const MASK_32 = 0xffff_ffffn;
const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n; // PCG's 128-bit multiplier

/** A seeded generator of random bits. Each call moves it on. */
export interface Pcg64 {
  /** The next 32 random bits. */
  readonly nextUint32: () => number;
  /** A whole number in `[0, bound)`, without bias; `bound` from 1 to 2³². */
  readonly nextBelow: (bound: number) => number;
}

/**
 * The generator that `numpy.random.default_rng(seed)` gives; `seed` is a whole number from 0.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { makePcg64 } from "@delia/delia/delia";
 *
 * const random = makePcg64(42);
 * assert(random.nextUint32() === makePcg64(42).nextUint32());
 * assert(random.nextBelow(10) < 10);
 * ```
 */
export const makePcg64 = (seed: number): Pcg64 => {
  const [w0, w1, w2, w3, w4, w5, w6, w7] = seedSequence(seed, 8).map(BigInt) as Words;
  // generate_state gives 64-bit words, low half first; each pair of them is a high and a low word.
  const start = (w1 << 96n) | (w0 << 64n) | (w3 << 32n) | w2;
  const increment = (((w5 << 96n) | (w4 << 64n) | (w7 << 32n) | w6) << 1n | 1n) & MASK_128;
  const step = (state: bigint): bigint => (state * MULTIPLIER + increment) & MASK_128;

  let state = step((increment + start) & MASK_128);
  let kept: number | undefined; // the high half of the last 64 bits, used next

  const nextUint32 = (): number => {
    if (kept !== undefined) {
      const value = kept;
      kept = undefined;
      return value;
    }
    state = step(state);
    const mixed = (state >> 64n) ^ (state & MASK_64);
    const turn = state >> 122n;
    const bits = ((mixed >> turn) | (mixed << (64n - turn))) & MASK_64;
    kept = Number(bits >> 32n);
    return Number(bits & MASK_32);
  };
  const nextBelow = (bound: number): number => {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new RangeError(`Expected a bound from 1 to 2**32 but found ${bound}`);
    }
    if (bound === 1) return 0;
    const mask = 0xffff_ffff >>> Math.clz32(bound - 1);
    for (;;) {
      const value = (nextUint32() & mask) >>> 0;
      if (value < bound) return value; // else draw again: no value is favoured
    }
  };
  return { nextUint32, nextBelow };
};

type Words = [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];

/**
 * The order that `numpy.random.default_rng(seed).permutation(size)` gives: what a data library
 * built on numpy draws for `shuffle(seed)`.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { permutation } from "@delia/delia/delia";
 *
 * assert(permutation(10, 42).join() === "5,6,0,7,3,2,4,9,1,8");
 * ```
 */
export const permutation = (size: number, seed: number): Uint32Array<ArrayBuffer> => {
  const random = makePcg64(seed);
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = random.nextBelow(i + 1);
    const moved = order[i] as number;
    order[i] = order[j] as number;
    order[j] = moved;
  }
  return order;
};

const POOL = 4;

/** `numpy.random.SeedSequence(seed).generate_state(words)`: a seed spread over 32-bit words. */
export const seedSequence = (seed: number, words: number): ReadonlyArray<number> => {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`Expected the seed to be a whole number from 0 but found ${seed}`);
  }
  const entropy = seed < 2 ** 32 ? [seed] : [seed >>> 0, Math.floor(seed / 2 ** 32)];
  let constant = 0x43b0d7e5;
  const hash = (value: number): number => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    const product = Math.imul(mixed, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
  const mix = (x: number, y: number): number => {
    const sum = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
    return (sum ^ (sum >>> 16)) >>> 0;
  };
  const pool = Array.from({ length: POOL }, (_, i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) {
      if (from !== to) pool[to] = mix(pool[to] as number, hash(pool[from] as number));
    }
  }
  let spread = 0x8b51f9dd;
  return Array.from({ length: words }, (_, i) => {
    const mixed = (pool[i % POOL] as number) ^ spread;
    spread = Math.imul(spread, 0x58f38ded);
    const product = Math.imul(mixed, spread);
    return (product ^ (product >>> 16)) >>> 0;
  });
};
