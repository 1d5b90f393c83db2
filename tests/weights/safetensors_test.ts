import assert from "node:assert/strict";
import { Effect } from "effect";
import {
  decodeHeader,
  encodeSafetensors,
  memorySource,
  readTensor,
} from "../../src/weights/safetensors.ts";

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
  for (const dtype of ["F32", "F16"] as const) {
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
        assert.ok(Math.abs(actual.data[i]! - value) <= (dtype === "F32" ? 0 : 1e-6), name);
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
    "overlapping the tensor before it",
  ],
  ["has a gap", fileOf({ x: f32(0, 4), y: f32(8, 12) }, 12), "after a gap"],
  ["has bytes left over", fileOf({ x: f32(0, 4) }, 6), "m: file should be"],
];

for (const [what, bytes, message] of malformed) {
  Deno.test(`decodeHeader() refuses a file that ${what}`, () => {
    assert.ok(complaint(bytes).includes(message), complaint(bytes));
  });
}
