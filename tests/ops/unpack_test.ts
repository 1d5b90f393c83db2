import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { isPacked, type PackedTensor, unpacked, unpackRows } from "../../src/ops/unpack.ts";
import { copy } from "../../src/ops/copy.ts";
import type { PackedFormat } from "../../src/weights/pack.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { upload } from "../support/packed.ts";

const formats: ReadonlyArray<PackedFormat> = ["f16", "bf16", "q8"];

const packedOnGpu = (
  data: Float32Array<ArrayBuffer>,
  shape: ReadonlyArray<number>,
  format: PackedFormat,
) =>
  Effect.map(
    upload(data, shape, format),
    ({ stored, values }) => ({ packed: stored as PackedTensor, values: Float32Array.from(values) }),
  );

for (const format of formats) {
  // One element; odd rows, whose elements start anywhere in a word and a block; whole words.
  for (
    const [rows, cols, from, to] of [
      [1, 1, 0, 1],
      [23, 7, 0, 23],
      [23, 7, 8, 21],
      [10, 33, 4, 9],
      [6, 64, 3, 5],
      [300, 101, 0, 300],
    ] as const
  ) {
    onGpu(
      `unpackRows() gives rows ${from} to ${to} of [${rows}, ${cols}] in ${format} exactly`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        const data = uniform(rows * cols, 1).map((x, i) => x * 2 ** (i % 9 - 4));
        const { packed, values } = yield* packedOnGpu(data, [rows, cols], format);
        const y = yield* gpu.submit((pass) => unpackRows(folded(pass, 3), packed, from, to));
        assert.deepEqual(y.shape, [to - from, cols]);
        assert.equal(worst(yield* gpu.download(y), values.subarray(from * cols, to * cols)), 0);
      }),
    );
  }
}

onGpu(
  "unpackRows() gives every finite half, subnormal ones too",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const bits = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
    const all = Float32Array.from(new Float16Array(bits.buffer)).filter(Number.isFinite);
    const { packed } = yield* packedOnGpu(all, [all.length], "f16");
    const y = yield* gpu.submit((pass) => unpackRows(pass, packed, 0, all.length));
    assert.equal(worst(yield* gpu.download(y), all), 0);
  }),
);

onGpu(
  "unpackRows() gives all bytes of q8 and all normal bf16",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const bytes = Float32Array.from({ length: 8 * 32 }, (_, i) => i % 32 ? i - 128 : 127);
    const upper = Uint32Array.from({ length: 2 ** 16 }, (_, bits) => bits << 16);
    const brains = new Float32Array(upper.buffer).filter((x) =>
      Number.isFinite(x) && (x === 0 || Math.abs(x) >= 2 ** -126)
    );
    for (const [data, format] of [[bytes, "q8"], [brains, "bf16"]] as const) {
      const { packed } = yield* packedOnGpu(data, [data.length], format);
      const y = yield* gpu.submit((pass) => unpackRows(pass, packed, 0, data.length));
      assert.equal(worst(yield* gpu.download(y), data), 0);
    }
  }),
);

onGpu(
  "unpackRows() refuses rows that start inside a word, and rows that are not there",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { packed } = yield* packedOnGpu(uniform(9 * 3, 1), [9, 3], "q8");
    yield* gpu.submit((pass) => {
      assert.throws(() => unpackRows(pass, packed, 2, 5), /multiple of 4 but found 6/);
      assert.throws(() => unpackRows(pass, packed, 4, 10), /within \[0, 9\) but found \[4, 10\)/);
    });
  }),
);

onGpu(
  "unpacked() passes a tensor through and lends a packed one's elements until its end",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const data = uniform(5 * 6, 3);
    const plain = yield* gpu.upload(data, [5, 6]);
    const { packed, values } = yield* packedOnGpu(data, [5, 6], "bf16");
    assert.deepEqual([isPacked(plain), isPacked(packed)], [false, true]);
    const y = yield* gpu.submit((pass) => {
      assert.equal(unpacked(pass, plain, (f32) => f32), plain);
      const released: unknown[] = [];
      const watched = {
        ...pass,
        release: (...tensors: ReadonlyArray<unknown>) => void released.push(...tensors),
      };
      return unpacked(watched, packed, (f32) => {
        assert.equal(released.length, 0);
        return copy(pass, f32);
      });
    });
    assert.equal(worst(yield* gpu.download(y), values), 0);
  }),
);
