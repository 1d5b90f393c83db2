import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu, type Pass } from "../../src/gpu/gpu.ts";
import {
  columns,
  matmulNN,
  matmulNT,
  matmulReference,
  matmulTN,
  rowsOf,
} from "../../src/ops/matmul.ts";
import { sharedTileNames } from "../../src/ops/matmul_shared.ts";
import { withPackedElements, withPackedWords } from "../../src/ops/packed_words.ts";
import { unpacked } from "../../src/ops/unpack.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { upload } from "../support/packed.ts";

const products = { NT: matmulNT, NN: matmulNN } as const;
const layouts = ["NT", "NN"] as const;
const formats = ["f16", "bf16", "q8"] as const;
const adapters: Readonly<Record<string, (pass: Pass) => Pass>> = {
  "": (pass) => pass,
  " without subgroups": (pass) => ({
    ...pass,
    adapter: { ...pass.adapter, subgroups: false, subgroupSize: 0 },
  }),
  ...Object.fromEntries(
    sharedTileNames.map((name) => [` in tiles of ${name}`, (pass: Pass) => ({
      ...pass,
      adapter: { ...pass.adapter, tuning: { configurationOf: () => `shared ${name}` } },
    })]),
  ),
};

// rows, depth, cols: single elements, each height of a tile, depths that are a multiple of 32, of 8, of
// 4 and of 1, columns below, at and past those of a subgroup, and words and blocks that end inside.
const shapes = [
  [1, 1, 1],
  [1, 96, 64],
  [2, 40, 36],
  [3, 20, 12],
  [7, 64, 68],
  [5, 37, 44],
  [33, 17, 65],
  [50, 44, 48],
  [64, 72, 32],
] as const;

for (const adapter in adapters) {
  for (const format of formats) {
    for (const layout of layouts) {
      onGpu(
        `matmul${layout}() reads ${format} as if it were unpacked, for awkward shapes${adapter}`,
        Effect.gen(function* () {
          const gpu = yield* Gpu;
          for (const [rows, depth, cols] of shapes) {
            const a = uniform(rows * depth, 1);
            const shape = layout === "NT" ? [cols, depth] : [depth, cols];
            const data = uniform(depth * cols, 2).map((x, i) => x * 2 ** (i % 9 - 4));
            const { stored, values } = yield* upload(data, shape, format);
            const onA = yield* gpu.upload(a, [rows, depth]);
            const [c, after] = yield* gpu.submit((onAdapter) => {
              const pass = adapters[adapter]!(onAdapter);
              const product = products[layout];
              return [
                product(pass, onA, stored),
                unpacked(pass, stored, (w) => product(pass, onA, w)),
              ];
            });
            const actual = yield* gpu.download(c!);
            const expected = matmulReference(layout, a, values, [rows, depth, cols]);
            const error = worst(actual, expected);
            assert.ok(error < 1e-6, `[${rows}, ${depth}, ${cols}]: worst error ${error}`);
            const difference = worst(actual, yield* gpu.download(after!));
            assert.ok(difference < 1e-6, `[${rows}, ${depth}, ${cols}]: ${difference} apart`);
          }
        }),
      );

      // Windows of B that start at any element of a word and of a block.
      for (const [top, left, width] of [[4, 8, 96], [3, 4, 84], [3, 3, 71]] as const) {
        onGpu(
          `matmul${layout}() adds a scaled product of the window at [${top}, ${left}] of ${format}${adapter}`,
          Effect.gen(function* () {
            const gpu = yield* Gpu;
            const [rows, depth, cols] = [11, 40, 36];
            const [height, breadth] = layout === "NT" ? [cols, depth] : [depth, cols];
            const [a, c] = [uniform(rows * depth, 1), uniform(rows * (cols + 8), 3)];
            const data = uniform((height + 8) * width, 2);
            const { stored, values } = yield* upload(data, [height + 8, width], format);
            const b = Float64Array.from(
              { length: height * breadth },
              (_, i) => values[(top + Math.floor(i / breadth)) * width + left + i % breadth]!,
            );
            const onA = yield* gpu.upload(a, [rows, depth]);
            const onC = yield* gpu.upload(c, [rows, cols + 8]);
            yield* gpu.submit((pass) =>
              products[layout](
                adapters[adapter]!(pass),
                onA,
                columns(rowsOf(stored, top, top + height), left, left + breadth),
                { into: columns(onC, 4, 4 + cols), accumulate: true, scale: -0.5 },
              )
            );
            const expected = Float64Array.from(c);
            for (const [i, x] of matmulReference(layout, a, b, [rows, depth, cols]).entries()) {
              const at = Math.floor(i / cols) * (cols + 8) + 4 + i % cols;
              expected[at] = expected[at]! - 0.5 * x;
            }
            const error = worst(yield* gpu.download(onC), expected);
            assert.ok(error < 1e-6, `worst error ${error}`);
          }),
        );
      }
    }
  }
}

onGpu(
  "matmulNT() reads a packed weight that would not fit a binding of 128 MiB in f32",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [depth, cols] = [1024, 34_000];
    // Row `col` holds bytes of col % 100 − 50.
    const bytes = new Int8Array(depth * cols);
    for (let col = 0; col < cols; col++) {
      bytes.fill(col % 100 - 50, col * depth, (col + 1) * depth);
    }
    const words = new Uint32Array(bytes.buffer);
    const scales = new Float32Array(bytes.length / 32).fill(0.5);
    const stored = {
      format: "q8",
      shape: [cols, depth],
      words: yield* gpu.upload(words, [words.length]),
      scales: yield* gpu.upload(scales, [scales.length]),
    } as const;
    const x = yield* gpu.upload(new Float32Array(depth).fill(1 / depth), [1, depth]);
    const y = yield* gpu.submit((pass) => matmulNT(pass, x, stored));
    const expected = Float64Array.from({ length: cols }, (_, col) => 0.5 * (col % 100 - 50));
    assert.equal(worst(yield* gpu.download(y), expected), 0);
  }),
);

onGpu(
  "matmulNT() names a packed operand whose shape is wrong, and matmulTN() takes none",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { stored } = yield* upload(uniform(6 * 8, 1), [6, 8], "q8");
    const { message } = yield* Effect.flip(
      gpu.submit((pass) => matmulNT(pass, pass.tensor([4, 12]), stored)),
    );
    assert.equal(message, "matmul: b should be [6,12] but is [6,8]");
    // @ts-expect-error: nothing is trained that is packed
    const refused = (pass: Pass) => matmulTN(pass, pass.tensor([6, 4]), stored);
    assert.equal(typeof refused, "function");
  }),
);

Deno.test("withPackedWords() and withPackedElements() refuse a kernel that reads B by itself", () => {
  const source = "@compute @workgroup_size(1)\nfn main() {}\n";
  for (
    const packed of [
      () => withPackedWords(source, "bf16", 1),
      () => withPackedElements(source, "q8"),
    ]
  ) {
    assert.throws(packed, /the kernel has no part for words/);
  }
});
