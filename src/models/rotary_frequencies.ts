/** How fast the pairs of a head turn, for each way of stretching a context. @module */
import type { Rotary } from "./architecture.ts";

/** What every way starts from. */
export interface RotaryBase {
  /** The slowest pair turns about once in 2π · theta positions. */
  readonly theta: number;
  /** Elements of a head that turn, two a pair: `headDim`, or a part of it. */
  readonly turned: number;
}

// The reference computes frequencies in f32 and the weights were trained with those. At position p
// a last bit of a frequency turns a pair by p · 6e-8, so each of its roundings is repeated here.
const f32 = Math.fround;

/** theta^(−2i / turned) (RoFormer, arXiv 2104.09864, section 3.2.2). */
export const plainFrequencies = ({ theta, turned }: RotaryBase): ReadonlyArray<number> =>
  Array.from(
    { length: turned / 2 },
    (_, i) => f32(1 / f32(f32(theta) ** f32(2 * i / turned))),
  );

/** Unscaled; also what dynamic scaling does up to the length that the model was trained with. */
export const plainRotary = (base: RotaryBase): Rotary => ({
  inverseFrequencies: plainFrequencies(base),
  factor: 1,
});

/** Every pair turns `factor` times slower (Position Interpolation, arXiv 2306.15595, eq. 4). */
export const linearRotary = (base: RotaryBase, factor: number): Rotary => ({
  inverseFrequencies: plainFrequencies(base).map((frequency) => f32(frequency / f32(factor))),
  factor: 1,
});

/** Settings of Llama 3.1's scaling. */
export interface Llama3Scaling {
  readonly factor: number;
  /** Pairs that turn fewer than so many times within the trained positions are slowed in full. */
  readonly lowFrequencyFactor: number;
  /** Pairs that turn more often than this are left alone; between the two it is blended. */
  readonly highFrequencyFactor: number;
  /** Longest sequence before the context was stretched. */
  readonly trainedPositions: number;
}

/** Slow pairs turn `factor` times slower, fast ones as before (The Llama 3 Herd, arXiv 2407.21783). */
export const llama3Rotary = (base: RotaryBase, scaling: Llama3Scaling): Rotary => {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high } = scaling;
  const inverseFrequencies = plainFrequencies(base).map((frequency) => {
    const turns = scaling.trainedPositions * frequency / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return f32(frequency / factor);
    const blend = (turns - low) / (high - low);
    return f32((1 - blend) * frequency / factor + blend * frequency);
  });
  return { inverseFrequencies, factor: 1 };
};

/** Settings of YaRN. */
export interface YarnScaling {
  readonly factor: number;
  readonly trainedPositions: number;
  /** Pairs that turn more often than `fast` within the trained positions are left alone. */
  readonly fast: number;
  /** Pairs that turn less often than `slow` are slowed in full. */
  readonly slow: number;
  /** Widen the blend to whole pairs. */
  readonly truncate: boolean;
  /** Of every cosine and sine. */
  readonly attentionFactor: number;
}

/** Slow pairs turn `factor` times slower, by a ramp over the pairs (YaRN, arXiv 2309.00071, eq. 17–22). */
export const yarnRotary = (base: RotaryBase, scaling: YarnScaling): Rotary => {
  const { theta, turned } = base;
  const { factor, trainedPositions, fast, slow, truncate } = scaling;
  // The pair, counted on from the fastest, that turns so many times within the trained positions.
  const pairOf = (turns: number): number =>
    turned * Math.log(trainedPositions / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  const [first, last] = [pairOf(fast), pairOf(slow)];
  const from = Math.max(truncate ? Math.floor(first) : first, 0);
  const to = Math.min(truncate ? Math.ceil(last) : last, turned - 1);
  const inverseFrequencies = plainFrequencies(base).map((frequency, i) => {
    const ramp = (i - from) / (to === from ? 0.001 : to - from);
    const slowed = Math.min(Math.max(ramp, 0), 1);
    return f32(frequency / factor * slowed + frequency * (1 - slowed));
  });
  return { inverseFrequencies, factor: scaling.attentionFactor };
};

/** 0.1 · weight · ln(factor) + 1: what YaRN makes cosines and sines of a stretched context larger by. */
export const yarnMagnitude = (factor: number, weight: number = 1): number =>
  factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;

/** Each pair is slowed by a factor of its own (LongRoPE, arXiv 2402.13753). */
export const longropeRotary = (
  { theta, turned }: RotaryBase,
  factors: ReadonlyArray<number>,
  attentionFactor: number,
): Rotary => ({
  inverseFrequencies: factors.map((factor, i) =>
    f32(1 / f32(f32(factor) * f32(f32(theta) ** f32(2 * i / turned))))
  ),
  factor: attentionFactor,
});

/** √(1 + ln(factor) / ln(trainedPositions)): LongRoPE's factor of cosines and sines. */
export const longropeMagnitude = (factor: number, trainedPositions: number): number =>
  factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trainedPositions));
