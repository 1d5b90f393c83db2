import assert from "node:assert/strict";
import { Effect, Result } from "effect";
import { randomUnit } from "../../src/gpu/random.ts";
import { encodeSafetensors, readTensor } from "../../src/weights/safetensors.ts";
import { type ByteSource, decodeHeader } from "../../src/weights/safetensors_header.ts";
import { WeightsError } from "../../src/weights/weights_error.ts";

const inputs = 10_000;
const seed = 20_261_121;

const tensors = {
  "model.embed_tokens.weight": { shape: [5, 4], data: new Float32Array(20).fill(0.5) },
  "model.norm.weight": { shape: [4], data: Float32Array.of(1, -2, 3, -4) },
  "é": { shape: [], data: Float32Array.of(7) },
  empty: { shape: [0, 3], data: new Float32Array(0) },
};
const originals = (["F32", "F16", "BF16"] as const).map((dtype) =>
  encodeSafetensors(tensors, { dtype, metadata: { made: "by this test" } })
);

/** Values, keys and signs that a header does not expect where they end up. */
const splices = [
  ...'0 -1 1e99 -0 0.5 null true [] {} "" "F32" "I64" "X" : , ] } \\ "'.split(" "),
  "9007199254740993",
  "1".repeat(400),
  "[".repeat(500),
  '"__proto__":',
  '"__metadata__":{"a":1},',
  '"data_offsets":[0,4],',
  "[0,1099511627776]",
  "[4294967296,4294967296]",
  "\u0000",
  "\ufeff",
];

/** Draws the whole numbers below `bound` of input `input`, one after the other. */
const drawing = (input: number): (bound: number) => number => {
  let element = 0;
  return (bound) => Math.floor(randomUnit(seed, input, element++) * bound);
};

/** One file in a way that no writer would leave it. */
const mutate = (input: number): Uint8Array => {
  const below = drawing(input);
  const bytes = originals[below(originals.length)]!.slice();
  const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  switch (below(6)) {
    case 0: // flips anywhere
      for (let flips = 1 + below(8); flips > 0; flips--) {
        const at = below(bytes.length);
        bytes[at] = bytes[at]! ^ 1 << below(8);
      }
      return bytes;
    case 1: // cut short
      return bytes.slice(0, below(bytes.length));
    case 2: // another length prefix: near the right one, near a power of two, or noise
      new DataView(bytes.buffer).setBigUint64(
        0,
        [
          BigInt(header + below(17) - 8),
          (1n << BigInt(below(65))) - BigInt(below(2)),
          BigInt.asUintN(64, BigInt(below(2 ** 24)) * 0x9e3779b97f4a7c15n),
        ][below(3)]!,
        true,
      );
      return bytes;
    case 3: { // digits of the header changed, its length kept
      for (let edits = 1 + below(3); edits > 0; edits--) {
        const digits = [...bytes.subarray(8, 8 + header).entries()]
          .filter(([, byte]) => byte >= 48 && byte <= 57);
        bytes[8 + digits[below(digits.length)]![0]] = 48 + below(10);
      }
      return bytes;
    }
    case 4: { // a stretch of the data overwritten
      const at = 8 + header + below(bytes.length - 8 - header);
      const byte = [0xff, 0x7f, below(256)][below(3)]!;
      return bytes.fill(byte, at, at + 1 + below(8));
    }
    default: { // something put into the header, or over a part of it, and the length put right
      const text = new TextDecoder().decode(bytes.subarray(8, 8 + header));
      const at = below(text.length);
      const edited = text.slice(0, at) + splices[below(splices.length)] +
        text.slice(at + below(12));
      const json = new TextEncoder().encode(edited);
      const file = new Uint8Array([...new Uint8Array(8), ...json, ...bytes.subarray(8 + header)]);
      new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
      return file;
    }
  }
};

/** Refuses to read outside of the file: a length that it does not hold must never be asked for. */
const strictSource = (bytes: Uint8Array): ByteSource => ({
  name: "m",
  size: bytes.length,
  read: (offset, length) => {
    assert.ok(offset >= 0 && length >= 0 && offset + length <= bytes.length, `${offset} ${length}`);
    return Effect.succeed(bytes.slice(offset, offset + length));
  },
});

/** The value of an element as the format defines it, without the code under test. */
const valueAt = (bytes: Uint8Array, dtype: string, begin: number, index: number): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + begin);
  if (dtype === "F32") return view.getFloat32(index * 4, true);
  if (dtype === "F16") return view.getFloat16(index * 2, true);
  assert.equal(dtype, "BF16");
  const widened = new DataView(new ArrayBuffer(4));
  widened.setUint16(0, view.getUint16(index * 2, true));
  return widened.getFloat32(0);
};

/** Reads every tensor of a file and compares it with its bytes; fails as the first of them does. */
const readAll = (bytes: Uint8Array) =>
  Effect.gen(function* () {
    const source = strictSource(bytes);
    const header = yield* decodeHeader(source);
    const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const json = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
    let values = 0;
    for (const name of header.entries.keys()) {
      const { dtype, shape, data_offsets: [begin] } = json[name];
      const tensor = yield* readTensor(source, header, name);
      assert.deepEqual(tensor.shape, shape);
      assert.equal(tensor.data.length, tensor.shape.reduce((a, b) => a * b, 1));
      for (const [index, value] of tensor.data.entries()) {
        assert.equal(value, valueAt(bytes, dtype, start + begin, index));
      }
      values += tensor.data.length;
    }
    return values;
  });

Deno.test(`decodeHeader() and readTensor() take or refuse ${inputs} mutated files, nothing else`, () => {
  const refusals = new Map<string, number>();
  let read = 0;
  let slowest = 0;
  for (let input = 0; input < inputs; input++) {
    const bytes = mutate(input);
    const from = performance.now();
    const result = Effect.runSync(Effect.result(readAll(bytes)));
    slowest = Math.max(slowest, performance.now() - from);
    if (Result.isSuccess(result)) {
      read++;
      assert.ok(result.success * 2 <= bytes.length, `input ${input}`);
    } else {
      const { failure } = result;
      assert.ok(failure instanceof WeightsError, `input ${input}: ${failure}`);
      assert.ok(failure.message.startsWith("m: "), failure.message);
      assert.ok(failure.message.length < 1_000, `input ${input}: ${failure.message.length}`);
      const { _tag } = failure.reason;
      refusals.set(_tag, (refusals.get(_tag) ?? 0) + 1);
    }
  }
  // Enough of every kind that the mutations are known to reach behind the first check.
  assert.ok(read > 1000, `${read} read`);
  for (const [tag, least] of [["Malformed", 4000], ["UnsupportedDtype", 10], ["NotFinite", 200]]) {
    const seen = refusals.get(String(tag)) ?? 0;
    assert.ok(
      seen >= Number(least),
      `${seen} × ${tag}; ${read} read; ${JSON.stringify([...refusals])}`,
    );
  }
  assert.ok(slowest < 5_000, `${slowest} ms for one file`);
});

Deno.test("decodeHeader() asks for no byte on the word of a huge length", () => {
  const reads: Array<number> = [];
  for (const length of [2n ** 63n, 2n ** 63n - 1n, 2n ** 64n - 1n, 2n ** 53n, 100_000_001n]) {
    const prefix = new Uint8Array(8);
    new DataView(prefix.buffer).setBigUint64(0, length, true);
    const source: ByteSource = {
      name: "m",
      size: 2 ** 40, // a sparse file may claim any size
      read: (_, count) => {
        reads.push(count);
        return Effect.succeed(prefix);
      },
    };
    const { message } = Effect.runSync(Effect.flip(decodeHeader(source)));
    assert.equal(message, `m: header length should be from 2 to 100000000 bytes but is ${length}`);
  }
  assert.deepEqual(reads, [8, 8, 8, 8, 8]);
});
