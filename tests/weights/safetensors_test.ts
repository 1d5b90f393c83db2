import assert from "node:assert/strict";
import { Effect } from "effect";
import { encodeSafetensors, memorySource, readTensor } from "../../src/weights/safetensors.ts";
import { type ByteSource, decodeHeader } from "../../src/weights/safetensors_header.ts";
import type { HostTensor } from "../../src/weights/weights.ts";

const x = { shape: [2, 3], data: Float32Array.from([1, -2, 3.5, 0, 1e-3, 7]) };
const scalar = { shape: [], data: Float32Array.from([42]) };
const empty = { shape: [0, 4], data: new Float32Array(0) };

/** A file whose header is `header` as it stands, before `data` bytes of zeros. */
const fileOf = (header: unknown, data: number): Uint8Array => {
  const json = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
};

const complaint = (bytes: Uint8Array): string =>
  Effect.runSync(Effect.flip(decodeHeader(memorySource("m", bytes)))).message;

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]): unknown => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

Deno.test("encodeSafetensors() writes what readTensor() reads, scalars and empty tensors too", () => {
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    const bytes = encodeSafetensors({ x, scalar, empty }, { dtype, metadata: { made: "here" } });
    const source = memorySource("m", bytes);
    const header = Effect.runSync(decodeHeader(source));
    assert.deepEqual({ ...header.metadata }, { format: "pt", made: "here" });
    assert.deepEqual([...header.entries.keys()], ["x", "scalar", "empty"]);
    assert.equal(header.entries.get("x")!.begin % 8, 0);
    for (const [name, expected] of Object.entries({ x, scalar, empty })) {
      const actual = Effect.runSync(readTensor(source, header, name));
      assert.deepEqual(actual.shape, expected.shape);
      for (const [i, value] of expected.data.entries()) {
        assert.ok(
          Math.abs(actual.data[i]! - value) <= ({ F32: 0, F16: 1e-6, BF16: 4e-6 }[dtype]),
          name,
        );
      }
    }
  }
});

Deno.test("readTensor() widens BF16 and refuses a dtype that it has no decoder for", () => {
  const entry = (dtype: string, begin: number): unknown => ({
    dtype,
    shape: [2],
    data_offsets: [begin, begin + (dtype === "I64" ? 16 : 4)],
  });
  const bytes = fileOf({ half: entry("BF16", 0), ids: entry("I64", 4) }, 20);
  new DataView(bytes.buffer).setUint16(bytes.length - 18, 0x3f80, true);
  const source = memorySource("m", bytes);
  const header = Effect.runSync(decodeHeader(source));
  assert.deepEqual([...Effect.runSync(readTensor(source, header, "half")).data], [0, 1]);
  assert.equal(
    Effect.runSync(Effect.flip(readTensor(source, header, "ids"))).message,
    "m: ids should be one of F32, F16, BF16 but is I64",
  );
  assert.equal(
    Effect.runSync(Effect.flip(readTensor(source, header, "lm_head.weight"))).message,
    'm: has no tensor "lm_head.weight" among its 2',
  );
});

const malformed: ReadonlyArray<readonly [string, Uint8Array, string]> = [
  ["is shorter than its length prefix", new Uint8Array(5), "m: file should be at least 8 bytes"],
  [
    "claims a header longer than the file",
    fileOf({}, 0).with(1, 9),
    "m: header length should be from 2 to 2 bytes but is 2306",
  ],
  ["holds no JSON", fileOf("{oops}", 0), 'm: header should be JSON but is "{oops}"'],
  ["holds a list", fileOf([], 0), "m: header should be a JSON object but is []"],
  [
    "has metadata that is not text",
    fileOf({ __metadata__: { steps: 3 } }, 0),
    'm: __metadata__ should be an object of strings but is {"steps":3}',
  ],
  ["has an entry without a dtype", fileOf({ x: { shape: [1] } }, 0), "m: x: dtype should be"],
  [
    "has a negative size",
    fileOf({ x: f32(0, 4, [-1]) }, 4),
    "m: x: shape should be a list of sizes but is [-1]",
  ],
  [
    "was cut short",
    fileOf({ x: f32(0, 8) }, 4),
    "m: x: data_offsets should be [begin, end] within the 4 bytes of data but is [0,8]",
  ],
  ["has offsets that run backwards", fileOf({ x: f32(4, 0, [0]) }, 4), "m: x: data_offsets"],
  [
    "has a shape that needs other bytes",
    fileOf({ x: f32(0, 8, [3]) }, 8),
    "m: x F32 [3] should be 12 bytes but is 8",
  ],
  [
    "has overlapping tensors",
    fileOf({ x: f32(0, 8), y: f32(4, 12) }, 12),
    "m: y should be at byte 124 but is at byte 120, overlapping x",
  ],
  [
    "has a gap",
    fileOf({ x: f32(0, 4), y: f32(8, 12) }, 12),
    "y should be at byte 120 but is at byte 124, after a gap behind x",
  ],
  ["has bytes left over", fileOf({ x: f32(0, 4) }, 6), "m: file should be"],
  [
    "claims a header of 2^63 bytes",
    fileOf({}, 0).with(7, 0x7f),
    "m: header length should be from 2 to 2 bytes but is 9151314442816847874",
  ],
  [
    "claims a header of 2^64 − 1 bytes",
    new Uint8Array(64).fill(0xff),
    "m: header length should be from 2 to 56 bytes but is 18446744073709551615",
  ],
  [
    "has a tensor twice",
    fileOf('{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0078":7}', 4),
    "m: x should be in the header once but is there twice",
  ],
  [
    "has an offset twice",
    fileOf('{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"shape":[2]}}', 4),
    "m: shape should be in the header once but is there twice",
  ],
  ["starts with a byte order mark", fileOf("\ufeff{}", 0), "m: header should be JSON"],
  ["has a tensor that is no object", fileOf({ x: [0, 4] }, 4), "m: x should be an object"],
  [
    "has a tensor called __proto__ that is none",
    fileOf('{"__proto__":null}', 0),
    "m: __proto__ should be an object but is null",
  ],
  [
    "has a dtype that is no text",
    fileOf({ x: { dtype: 32, shape: [1], data_offsets: [0, 4] } }, 4),
    "m: x: dtype should be a string but is 32",
  ],
  [
    "has a fractional size",
    fileOf({ x: f32(0, 4, [0.5]) }, 4),
    "m: x: shape should be a list of sizes but is [0.5]",
  ],
  [
    "has negative offsets",
    fileOf({ x: f32(-4, 0, [1]) }, 4),
    "m: x: data_offsets should be [begin, end] within the 4 bytes of data but is [-4,0]",
  ],
  [
    "has offsets that are text",
    fileOf({ x: { dtype: "F32", shape: [1], data_offsets: ["0", "4"] } }, 4),
    "m: x: data_offsets should be [begin, end] within the 4 bytes of data but is",
  ],
  [
    "has fractional offsets",
    fileOf({ x: { dtype: "F32", shape: [1], data_offsets: [0.5, 4.5] } }, 4),
    "m: x: data_offsets should be [begin, end] within the 4 bytes of data but is [0.5,4.5]",
  ],
  [
    "has three offsets",
    fileOf({ x: { dtype: "F32", shape: [1], data_offsets: [0, 4, 8] } }, 4),
    "m: x: data_offsets should be",
  ],
  [
    "claims terabytes",
    fileOf({ x: f32(0, 2 ** 42, [2 ** 40]) }, 4),
    "m: x: data_offsets should be [begin, end] within the 4 bytes of data but is [0,4398046511104]",
  ],
  [
    "has a shape whose product overflows",
    fileOf({ x: f32(0, 4, [2 ** 32, 2 ** 32, 2 ** 32]) }, 4),
    "m: x F32 [4294967296,4294967296,4294967296] should be 3.1691265005705735e+29 bytes but is 4",
  ],
  [
    "has a shape whose product is no number",
    fileOf({ x: f32(0, 0, [...Array(20).fill(2 ** 53 - 1), 0]) }, 0),
    "should be NaN bytes but is 0",
  ],
];

for (const [what, bytes, message] of malformed) {
  Deno.test(`decodeHeader() refuses a file that ${what}`, () => {
    assert.ok(complaint(bytes).includes(message), complaint(bytes));
  });
}

Deno.test("encodeSafetensors() and decodeHeader() take a tensor called __proto__", () => {
  const bytes = encodeSafetensors(Object.fromEntries([["__proto__", x], ["constructor", scalar]]));
  const source = memorySource("m", bytes);
  const header = Effect.runSync(decodeHeader(source));
  assert.deepEqual([...header.entries.keys()], ["__proto__", "constructor"]);
  assert.deepEqual(Effect.runSync(readTensor(source, header, "__proto__")), x);
  assert.match(
    Effect.runSync(Effect.flip(readTensor(source, header, "toString"))).message,
    /has no tensor "toString" among its 2/,
  );
});

Deno.test("readTensor() reads no byte outside of the rows it was asked for", () => {
  const inner = memorySource("m", encodeSafetensors({ x, scalar }, { dtype: "F16" }));
  const header = Effect.runSync(decodeHeader(inner));
  const ranges: Array<readonly [number, number]> = [];
  const source: ByteSource = {
    ...inner,
    read: (offset, length) => {
      ranges.push([offset, length]);
      return inner.read(offset, length);
    },
  };
  const rows = { from: 1, to: 2 };
  const part = Effect.runSync(readTensor(source, header, "x", { rows }));
  assert.deepEqual(part.shape, [1, 3]);
  assert.deepEqual(ranges, [[header.entries.get("x")!.begin + 6, 6]]);
});

Deno.test("readTensor() counts NaN and infinite values and says where the first one is", () => {
  const data = Float32Array.from([1, 2, 3, -Infinity, NaN, 6]);
  const bad: HostTensor = { shape: [2, 3], data };
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    const source = memorySource("m", encodeSafetensors({ bad }, { dtype }));
    const header = Effect.runSync(decodeHeader(source));
    const read = (from: number, to: number) =>
      readTensor(source, header, "bad", { rows: { from, to } });
    assert.deepEqual([...Effect.runSync(read(0, 1)).data], [1, 2, 3]);
    const message = "m: bad should be finite but has 2 NaN or infinite values, " +
      "the first, -Infinity, at index 3";
    assert.equal(Effect.runSync(Effect.flip(read(0, 2))).message, message);
    assert.equal(Effect.runSync(Effect.flip(read(1, 2))).message, message);
  }
});
