import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu, type Pass } from "../../src/gpu/gpu.ts";
import {
  columns,
  type Layout,
  matmulNN,
  matmulNT,
  matmulReference,
  matmulTN,
  rowsOf,
} from "../../src/ops/matmul.ts";
import { configurations } from "../../src/ops/matmul_configuration.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const products = { NT: matmulNT, NN: matmulNN, TN: matmulTN } as const;
const layouts = ["NT", "NN", "TN"] as const;
const shapeOfA = (layout: Layout, rows: number, depth: number) =>
  layout === "TN" ? [depth, rows] : [rows, depth];
const shapeOfB = (layout: Layout, depth: number, cols: number) =>
  layout === "NT" ? [cols, depth] : [depth, cols];

const remembering = (name: string) => (pass: Pass): Pass => ({
  ...pass,
  adapter: { ...pass.adapter, tuning: { configurationOf: () => name } },
});

// The adapter as it is, and pretending to be others: every configuration of the kernels is compiled.
const adapters: Readonly<Record<string, (pass: Pass) => Pass>> = {
  "": (pass) => pass,
  " with low tiles": (pass) => ({ ...pass, adapter: { ...pass.adapter, software: false } }),
  " without subgroups": (pass) => ({
    ...pass,
    adapter: { ...pass.adapter, subgroups: false, subgroupSize: 0 },
  }),
  " of a GPU without subgroups": (pass) => ({
    ...pass,
    adapter: { ...pass.adapter, software: false, subgroups: false, subgroupSize: 0 },
  }),
  ...Object.fromEntries(
    [...configurations.keys()].map((name) => [` with ${name}`, remembering(name)]),
  ),
};

// rows, depth, cols: single elements, below a tile, no multiple of one, whole tiles, adapters' ranks.
const shapes = [
  [1, 1, 1],
  [5, 3, 7],
  [33, 17, 65],
  [64, 64, 64],
  [257, 130, 67],
  [70, 16, 128],
  [50, 128, 48],
  [36, 520, 20],
  [4, 8, 4],
  [40, 37, 44],
  [31, 40, 36],
] as const;

for (const adapter in adapters) {
  for (const layout of layouts) {
    onGpu(
      `matmul${layout}() matches its f64 reference for awkward shapes${adapter}`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        for (const [rows, depth, cols] of shapes) {
          const [a, b] = [uniform(rows * depth, 1), uniform(depth * cols, 2)];
          const onA = yield* gpu.upload(a, shapeOfA(layout, rows, depth));
          const onB = yield* gpu.upload(b, shapeOfB(layout, depth, cols));
          const c = yield* gpu.submit((pass) =>
            products[layout](adapters[adapter]!(pass), onA, onB)
          );
          const expected = matmulReference(layout, a, b, [rows, depth, cols]);
          const error = worst(yield* gpu.download(c), expected);
          assert.ok(error < 1e-5, `[${rows}, ${depth}, ${cols}]: worst error ${error}`);
        }
      }),
    );

    // Windows that start and step by multiples of four numbers, and ones that do not.
    for (const margin of [4, 3]) {
      onGpu(
        `matmul${layout}() adds a scaled product of windows ${margin} in${adapter}`,
        Effect.gen(function* () {
          const gpu = yield* Gpu;
          const [rows, depth, cols] = [39, 20, 36];
          const surrounded = (height: number, width: number, seed: number) => {
            const stride = Math.ceil((width + margin) / margin + 1) * margin;
            const whole = uniform((height + 2 * margin) * stride, seed);
            const inner = new Float32Array(height * width);
            for (let i = 0; i < inner.length; i++) {
              const at = (margin + Math.floor(i / width)) * stride + margin + i % width;
              inner[i] = whole[at]!;
            }
            const upload = gpu.upload(whole, [height + 2 * margin, stride]);
            return { whole, inner, stride, upload, height, width };
          };
          const [aHeight = 0, aWidth = 0] = shapeOfA(layout, rows, depth);
          const [bHeight = 0, bWidth = 0] = shapeOfB(layout, depth, cols);
          const a = surrounded(aHeight, aWidth, 1);
          const b = surrounded(bHeight, bWidth, 2);
          const c = surrounded(rows, cols, 3);
          const [onA, onB, onC] = [yield* a.upload, yield* b.upload, yield* c.upload];
          const window = ({ height, width }: typeof a, tensor: typeof onA) =>
            columns(rowsOf(tensor, margin, margin + height), margin, margin + width);
          yield* gpu.submit((pass) =>
            products[layout](adapters[adapter]!(pass), window(a, onA), window(b, onB), {
              into: window(c, onC),
              accumulate: true,
              scale: -0.5,
            })
          );
          const product = matmulReference(layout, a.inner, b.inner, [rows, depth, cols]);
          const expected = Float64Array.from(c.whole);
          for (const [i, x] of product.entries()) {
            const at = (margin + Math.floor(i / cols)) * c.stride + margin + i % cols;
            expected[at] = expected[at]! - 0.5 * x;
          }
          const error = worst(yield* gpu.download(onC), expected);
          assert.ok(error < 1e-5, `worst error ${error}`);
        }),
      );
    }
  }
}

onGpu(
  "matmulNT() names the operand whose shape is wrong",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const wrong = gpu.submit((pass) => matmulNT(pass, pass.tensor([4, 8]), pass.tensor([6, 7])));
    const { message } = yield* Effect.flip(wrong);
    assert.equal(message, "matmul: b should be [6,8] but is [6,7]");
  }),
);
