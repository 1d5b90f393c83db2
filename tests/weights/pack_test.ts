import assert from "node:assert/strict";
import { Result } from "effect";
import {
  blockElements,
  pack,
  type PackedFormat,
  storedBytes,
  unpackReference,
} from "../../src/weights/pack.ts";
import { uniform } from "../support/numbers.ts";

const roundTrip = (data: ArrayLike<number>, format: PackedFormat): ReadonlyArray<number> => {
  const packed = Result.getOrThrow(pack(Float32Array.from(data), format));
  return [...unpackReference(packed, data.length)];
};

Deno.test("pack() keeps every f16 and bf16 value as it is", () => {
  const halves = Array.from(
    new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits).buffer),
  ).filter(Number.isFinite);
  assert.deepEqual(roundTrip(halves, "f16"), halves);
  const bits = Uint32Array.from({ length: 2 ** 16 }, (_, bits) => bits << 16);
  const brains = Array.from(new Float32Array(bits.buffer)).filter(Number.isFinite);
  assert.deepEqual(roundTrip(brains, "bf16"), brains);
});

Deno.test("pack() rounds to nearest, ties to even", () => {
  // Between 1 and its successors in bf16, steps of 2⁻⁷; in f16, steps of 2⁻¹⁰.
  for (const [format, step] of [["bf16", 2 ** -7], ["f16", 2 ** -10]] as const) {
    const near = (steps: number): number => (roundTrip([1 + steps * step], format)[0]! - 1) / step;
    assert.deepEqual([0.5, 0.501, 1.499, 1.5, 2.5, 3.5].map(near), [0, 1, 1, 2, 2, 4]);
  }
  // absmax 127: the scale is 1.
  assert.deepEqual(
    roundTrip([127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.51, -126.6], "q8").map((x) => x + 0),
    [127, 0, 2, 2, 0, -2, -2, 1, -127],
  );
});

Deno.test("pack() in q8 is at most half a scale off in each block, the short last one too", () => {
  const data = uniform(3 * blockElements + 5, 1).map((x, i) => x * 10 ** (i % 37 / 9));
  const values = roundTrip(data, "q8");
  for (let from = 0; from < data.length; from += blockElements) {
    const block = data.subarray(from, from + blockElements);
    const most = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    block.forEach((x, i) => {
      assert.ok(Math.abs(x - values[from + i]!) <= most / 127 * 0.500001, `element ${from + i}`);
    });
    const largest = block.findIndex((x) => Math.abs(x) === most);
    assert.ok(Math.abs(values[from + largest]! / block[largest]! - 1) < 1e-7);
  }
});

Deno.test("pack() in q8 gives a block of zeros scale 0, and zeros back", () => {
  const data = new Float32Array(2 * blockElements);
  data[blockElements] = 1;
  const packed = Result.getOrThrow(pack(data, "q8"));
  assert.deepEqual([...packed.scales!], [0, Math.fround(1 / 127)]);
  assert.deepEqual(unpackReference(packed, blockElements), new Float64Array(blockElements));
});

Deno.test("pack() says which value a format cannot hold", () => {
  const failure = (value: number, format: PackedFormat) =>
    Result.getOrThrow(Result.flip(pack(Float32Array.of(1, value, value), format)));
  assert.deepEqual(failure(-65_536, "f16"), {
    _tag: "OutOfRange",
    format: "f16",
    index: 1,
    value: -65_536,
    largest: 65_504,
  });
  for (const format of ["f16", "bf16", "q8"] as const) {
    for (const value of [NaN, Infinity, -Infinity]) {
      const { index, value: found } = failure(value, format);
      assert.deepEqual([index, found], [1, value]);
    }
  }
  assert.equal(failure(3.4e38, "bf16").format, "bf16"); // rounds to infinity
  assert.deepEqual(roundTrip([65_504, -65_504], "f16"), [65_504, -65_504]);
});

Deno.test("pack() in parts of whole blocks gives the words and scales of the whole", () => {
  const data = uniform(4 * blockElements + 3, 2);
  for (const format of ["f16", "bf16", "q8"] as const) {
    const [whole, head, tail] = [data, data.subarray(0, 64), data.subarray(64)]
      .map((part) => Result.getOrThrow(pack(part, format)));
    assert.deepEqual([...head!.words, ...tail!.words], [...whole!.words]);
    assert.deepEqual([...head!.scales ?? [], ...tail!.scales ?? []], [...whole!.scales ?? []]);
  }
});

Deno.test("storedBytes() is what pack() takes", () => {
  for (const elements of [1, 3, 32, 33, 517]) {
    assert.equal(storedBytes("f32", elements), 4 * elements);
    for (const format of ["f16", "bf16", "q8"] as const) {
      const { words, scales } = Result.getOrThrow(pack(uniform(elements, 1), format));
      assert.equal(storedBytes(format, elements), words.byteLength + (scales?.byteLength ?? 0));
    }
  }
});
