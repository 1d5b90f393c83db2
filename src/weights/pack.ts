/** Packs f32 weights into the storage formats that the GPU unpacks: two halves or four bytes a word. @module */
import { Result } from "effect";

/** How a weight lies in GPU memory: 4 bytes an element, 2, 2, or 1 and a scale for every 32. */
export type StorageFormat = "f32" | "f16" | "bf16" | "q8";

/** The formats that are packed into words. */
export type PackedFormat = Exclude<StorageFormat, "f32">;

/** Consecutive elements, in row-major order, that share a scale in q8. */
export const blockElements = 32;

/** Elements in a 32-bit word; the first is in the lowest bits. */
export const elementsPerWord: Readonly<Record<StorageFormat, number>> = {
  f32: 1,
  f16: 2,
  bf16: 2,
  q8: 4,
};

/** Elements packed, with zeros behind the last in its word. */
export interface PackedData {
  readonly format: PackedFormat;
  readonly words: Uint32Array<ArrayBuffer>;
  /** Only in q8: one for every {@linkcode blockElements}, the last block may be short. */
  readonly scales?: Float32Array<ArrayBuffer>;
}

/** A value that the format cannot hold; the caller knows the tensor's name. */
export interface OutOfRange {
  readonly _tag: "OutOfRange";
  readonly format: PackedFormat;
  /** Row-major index of the first such value, and what is there. */
  readonly index: number;
  readonly value: number;
  /** The largest magnitude that the format holds. */
  readonly largest: number;
}

/** Largest magnitude by format; in q8 a scale is f32, and any finite absmax can be one. */
const largestOf: Readonly<Record<PackedFormat, number>> = {
  f16: 65_504,
  bf16: 2 ** 127 * (2 - 2 ** -7),
  q8: (2 - 2 ** -23) * 2 ** 127,
};

/** Bytes that `elements` take in `format`, words and scales together. */
export const storedBytes = (format: StorageFormat, elements: number): number =>
  4 * Math.ceil(elements / elementsPerWord[format]) +
  (format === "q8" ? 4 * Math.ceil(elements / blockElements) : 0);

/**
 * Packs `data`, rounding to nearest even. A tensor may be packed in parts that are concatenated, where
 * each but the last is a multiple of {@linkcode blockElements}. Fails on NaN, on infinity and past the
 * format's largest magnitude.
 *
 * q8: the scale of a block is its largest magnitude / 127, a value is round(x / scale) in [-127, 127];
 * a block of zeros has scale 0.
 */
export const pack = (
  data: Float32Array,
  format: PackedFormat,
): Result.Result<PackedData, OutOfRange> => {
  const largest = largestOf[format];
  const outside = firstOutside(data, largest);
  if (outside >= 0) {
    const value = data[outside]!;
    return Result.fail({ _tag: "OutOfRange", format, index: outside, value, largest });
  }
  switch (format) {
    case "f16":
      return Result.succeed({ format, words: packF16(data) });
    case "bf16":
      return Result.succeed({ format, words: packBf16(data) });
    case "q8":
      return Result.succeed({ format, ...packQ8(data) });
  }
};

// A loop: a callback an element costs as much as the packing.
const firstOutside = (data: Float32Array, largest: number): number => {
  for (let i = 0; i < data.length; i++) if (!(Math.abs(data[i]!) <= largest)) return i;
  return -1;
};

const packF16 = (data: Float32Array): Uint32Array<ArrayBuffer> => {
  const words = new Uint32Array(Math.ceil(data.length / 2));
  new Float16Array(words.buffer).set(data);
  return words;
};

const packBf16 = (data: Float32Array): Uint32Array<ArrayBuffer> => {
  const words = new Uint32Array(Math.ceil(data.length / 2));
  const halves = new Uint16Array(words.buffer);
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < data.length; i++) {
    const value = bits[i]!;
    // Half of the last place that is kept, less one where that place is even: ties go to even.
    halves[i] = (value + 0x7fff + ((value >>> 16) & 1)) >>> 16;
  }
  return words;
};

const packQ8 = (data: Float32Array): Required<Omit<PackedData, "format">> => {
  const words = new Uint32Array(Math.ceil(data.length / 4));
  const bytes = new Int8Array(words.buffer);
  const scales = new Float32Array(Math.ceil(data.length / blockElements));
  for (let block = 0; block < scales.length; block++) {
    const from = block * blockElements;
    const to = Math.min(from + blockElements, data.length);
    let most = 0;
    for (let i = from; i < to; i++) most = Math.max(most, Math.abs(data[i]!));
    scales[block] = most / 127;
    const scale = scales[block]!; // as f32: what the GPU multiplies by
    if (scale === 0) continue;
    for (let i = from; i < to; i++) {
      bytes[i] = Math.max(-127, Math.min(127, roundToEven(data[i]! / scale)));
    }
  }
  return { words, scales };
};

const roundToEven = (x: number): number => {
  const near = Math.round(x); // ties go up
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
};

/** The elements that `packed` stands for, exact in f64. */
export const unpackReference = (
  { format, words, scales }: PackedData,
  elements: number,
): Float64Array => {
  const out = new Float64Array(elements);
  if (format === "f16") out.set(new Float16Array(words.buffer, 0, elements));
  else if (format === "q8") {
    const bytes = new Int8Array(words.buffer);
    for (let i = 0; i < elements; i++) {
      out[i] = bytes[i]! * scales![Math.floor(i / blockElements)]!;
    }
  } else {
    const halves = new Uint16Array(words.buffer);
    const value = new Float32Array(1);
    const bits = new Uint32Array(value.buffer);
    for (let i = 0; i < elements; i++) {
      bits[0] = halves[i]! << 16;
      out[i] = value[0]!;
    }
  }
  return out;
};
