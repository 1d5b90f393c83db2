/** Operands of a product that is only measured, in the format that it is asked for. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Tensor } from "../gpu/gpu.ts";
import { randomBits } from "../gpu/random.ts";
import type { AskedProduct } from "../gpu/tuning.ts";
import type { Stored } from "../ops/unpack.ts";
import { blockElements, elementsPerWord } from "../weights/pack.ts";

/**
 * `a` and `b` of `product`, filled with numbers that differ: what a GPU draws and how far it clocks
 * depend on them. They live as long as the scope.
 */
export const operandsOf = (
  { layout, format, rows, depth, cols }: AskedProduct,
): Effect.Effect<{ readonly a: Tensor; readonly b: Stored }, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const a = yield* gpu.upload(
      floats(rows * depth, 1),
      layout === "TN" ? [depth, rows] : [rows, depth],
    );
    const shape = layout === "NT" ? [cols, depth] : [depth, cols];
    if (format === "f32") return { a, b: yield* gpu.upload(floats(depth * cols, 2), shape) };
    const count = Math.ceil(depth * cols / elementsPerWord[format]);
    const bits = words(count, 2);
    // Halves with an exponent of their own would not all be finite.
    const usable = format === "q8" ? bits : bits.map((word) => word & 0x03ff03ff | 0x3c003c00);
    const scales = format === "q8"
      ? { scales: yield* gpu.upload(...flat(floats(Math.ceil(depth * cols / blockElements), 3))) }
      : {};
    return { a, b: { format, shape, words: yield* gpu.upload(usable, [count]), ...scales } };
  });

const flat = (data: Float32Array): [Float32Array, ReadonlyArray<number>] => [data, [data.length]];

const words = (count: number, stream: number): Uint32Array => {
  const drawn = new Uint32Array(count);
  for (let i = 0; i < count; i++) drawn[i] = randomBits(0, stream, i);
  return drawn;
};

const floats = (count: number, stream: number): Float32Array =>
  Float32Array.from(words(count, stream), (word) => word / 2 ** 31 - 1);
