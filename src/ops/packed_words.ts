/** Lets the kernels of products read a packed B: what takes the place of how they read one in f32. @module */
import type { PackedFormat } from "../weights/pack.ts";

/** How many vec4 a kernel loads of B at once. */
export type Fours = 1 | 2 | 4;

const own = /^\/\/: words\n[\s\S]*?^\/\/: end$/m;

// The binding behind the kernel's own.
const scalesOf = (source: string): string =>
  `@group(0) @binding(${
    source.match(/@binding\(/g)?.length
  }) var<storage, read> scales: array<f32>;`;

// Two numbers of a format's word of 32 bits, the first in the low ones.
const halves: Readonly<Record<Exclude<PackedFormat, "q8">, string>> = {
  f16: "fn halves(word: u32) -> vec2<f32> { return unpack2x16float(word); }",
  bf16: "fn halves(word: u32) -> vec2<f32> {\n" +
    "  return bitcast<vec2<f32>>(vec2(word << 16u, word & 0xffff0000u));\n}",
};

const fourHalves = `const FOURS = 1u;
@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;
alias Word = vec2<u32>;
fn wordOfB(at: u32) -> Word { return b[at]; }
fn fourOf(word: Word, index: u32) -> vec4<f32> { return vec4(halves(word.x), halves(word.y)); }`;

// Bytes of one block of 32 numbers, so that they have one scale.
const bytes = (fours: Fours, scales: string): string =>
  `const FOURS = ${fours}u;
@group(0) @binding(2) var<storage, read> b: array<${fours === 1 ? "u32" : `vec${fours}<u32>`}>;
${scales}
struct Word { bytes: ${fours === 1 ? "u32" : `vec${fours}<u32>`}, scale: f32 }
fn wordOfB(at: u32) -> Word { return Word(b[at], scales[at / ${8 / fours}u]); }
fn fourOf(word: Word, index: u32) -> vec4<f32> {
  return word.scale * vec4<f32>(unpack4xI8(word.bytes${fours === 1 ? "" : "[index]"}));
}`;

/** `source`, a kernel that reads B by `wordOfB` and `fourOf`, with B in `format`; `fours` is for q8. */
export const withPackedWords = (source: string, format: PackedFormat, fours: Fours): string =>
  replaced(
    source,
    format === "q8" ? bytes(fours, scalesOf(source)) : `${fourHalves}\n${halves[format]}`,
  );

/** `source`, a kernel that reads B by `elementOfB`, with B in `format`. */
export const withPackedElements = (source: string, format: PackedFormat): string =>
  replaced(
    source,
    format === "q8"
      ? `@group(0) @binding(2) var<storage, read> b: array<u32>;
${scalesOf(source)}
fn elementOfB(at: u32) -> f32 {
  return scales[at / 32u] * f32(extractBits(bitcast<i32>(b[at / 4u]), 8u * (at % 4u), 8u));
}`
      : `@group(0) @binding(2) var<storage, read> b: array<u32>;
fn elementOfB(at: u32) -> f32 { return halves(b[at / 2u])[at % 2u]; }
${halves[format]}`,
  );

const replaced = (source: string, words: string): string => {
  if (!own.test(source)) throw new Error("withPackedWords: the kernel has no part for words");
  return source.replace(own, words);
};
