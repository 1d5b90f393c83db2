import source from "../../kernels/matmul.wgsl" with { type: "text" };
import { Result } from "effect";
import { expand } from "../../src/gpu/expand.ts";
import type { Pass, Tensor } from "../../src/gpu/gpu.ts";
import { matmulNN, matmulNT, matmulTN } from "../../src/ops/matmul.ts";
import { anyMatmulKernel, type Layout } from "../../src/ops/matmul_kernels.ts";
import { type PackedTensor, unpacked } from "../../src/ops/unpack.ts";
import { pack } from "../../src/weights/pack.ts";
import { withoutSubgroups } from "../../tests/support/adapted_pass.ts";
import { uniform } from "../../tests/support/numbers.ts";
import { benchOps } from "../support/bench_ops.ts";

// One thread an element of C: the kernel without its register tile.
const naiveKernel = {
  ...anyMatmulKernel,
  source: expand(source, { TILE: 1 }),
  workgroups: ({ rows, cols }: { readonly rows: number; readonly cols: number }) =>
    Math.ceil(rows * cols / 32),
};

const naive = (
  pass: Pass,
  layout: Layout,
  a: Tensor,
  b: Tensor,
  [rows, depth, cols]: readonly [number, number, number],
) => {
  const [aSize, bSize, cSize] = [rows * depth, depth * cols, rows * cols];
  const c = pass.tensor([cSize]);
  const [aRow, aStep] = layout === "TN" ? [1, rows] : [depth, 1];
  const [bCol, bStep] = layout === "NT" ? [depth, 1] : [1, cols];
  const strides = { aOffset: 0, aRow, aStep, bOffset: 0, bCol, bStep, cOffset: 0, cStride: cols };
  pass.dispatch(
    naiveKernel,
    { rows, cols, depth, aSize, bSize, cSize, ...strides, scale: 1, accumulate: 0 },
    { a: { ...a, shape: [aSize] }, b: { ...b, shape: [bSize] }, c },
  );
  pass.release(c);
};

type Operands = Readonly<Record<"a" | "b", Tensor>>;

// What a GPU without subgroups takes.
const inWorkgroups = (pass: Pass): Pass => ({
  ...pass,
  adapter: { ...pass.adapter, software: false, subgroups: false },
});

// What a software driver takes for few rows.
const inTiles = (pass: Pass): Pass => ({
  ...pass,
  adapter: { ...pass.adapter, tuning: { configurationOf: () => "subgroup 16" } },
});

const products = { NT: matmulNT, NN: matmulNN, TN: matmulTN } as const;

// Rows, depth and columns of the linears of small models on 512 packed tokens, with LoRA's products.
const cases: ReadonlyArray<readonly [Layout, string, readonly [number, number, number]]> = [
  ["NT", "128³", [128, 128, 128]],
  ["NT", "qkv", [512, 128, 384]],
  ["NT", "vocabulary", [512, 128, 320]],
  ["NT", "a large weight", [256, 576, 1536]],
  ["NT", "x·Aᵀ", [512, 128, 48]],
  ["NT", "x·Aᵀ of one target", [512, 512, 16]],
  ["NT", "t·Bᵀ", [512, 16, 128]],
  ["NN", "128³", [128, 128, 128]],
  ["NN", "dY·W", [512, 384, 128]],
  ["NN", "dT·A", [512, 48, 128]],
  ["NN", "dY·B", [512, 512, 16]],
  ["TN", "128³", [128, 128, 128]],
  ["TN", "dW", [384, 2048, 128]],
  ["TN", "dA", [48, 2048, 128]],
  ["TN", "dB", [512, 2048, 16]],
];

for (const [layout, what, shape] of cases) {
  const [rows, depth, cols] = shape;
  const flops = 2 * rows * depth * cols;
  benchOps(
    `matmul${layout} ${what} [${shape.join(" × ")}]`,
    {
      a: layout === "TN" ? [depth, rows] : [rows, depth],
      b: layout === "NT" ? [cols, depth] : [depth, cols],
    },
    {
      // Up to 100 times slower than the rest: only where that is soon over.
      ...(flops < 1e7
        ? { naive: (pass: Pass, { a, b }: Operands) => naive(pass, layout, a, b, shape) }
        : {}),
      "without subgroups": (pass, { a, b }) =>
        pass.release(products[layout](withoutSubgroups(pass), a, b)),
      "tiles in workgroup memory": (pass, { a, b }) =>
        pass.release(products[layout](inWorkgroups(pass), a, b)),
      "tiles of subgroups": (pass, { a, b }) => pass.release(products[layout](inTiles(pass), a, b)),
      [`matmul${layout}`]: (pass, { a, b }) => pass.release(products[layout](pass, a, b)),
    },
    { flops },
    2,
  );
}

// Frozen weights as they are stored, for a token of generation and for a micro-batch of training.
const packedCases: ReadonlyArray<
  readonly ["NT" | "NN", string, readonly [number, number, number]]
> = [
  ["NT", "a token", [1, 576, 1536]],
  ["NT", "x·Wᵀ", [128, 576, 1536]],
  ["NN", "dY·W", [128, 1536, 576]],
];

for (const [layout, what, [rows, depth, cols]] of packedCases) {
  for (const format of ["bf16", "f16", "q8"] as const) {
    const shape = layout === "NT" ? [cols, depth] : [depth, cols];
    const { words, scales } = Result.getOrThrow(pack(uniform(depth * cols, 2), format));
    const storedOf = (tensors: Readonly<Record<"words" | "scales", Tensor>>): PackedTensor => ({
      format,
      shape,
      words: tensors.words,
      ...scales ? { scales: tensors.scales } : {},
    });
    const product = products[layout];
    benchOps(
      `matmul${layout} ${format} ${what} [${rows} × ${depth} × ${cols}]`,
      { a: [rows, depth], b: shape, words, scales: [scales?.length ?? 1] },
      {
        "unpacked before": (pass, { a, ...stored }) =>
          unpacked(pass, storedOf(stored), (w) => pass.release(product(pass, a, w))),
        f32: (pass, { a, b }) => pass.release(product(pass, a, b)),
        [`matmul${layout} ${format}`]: (pass, { a, ...stored }) =>
          pass.release(product(pass, a, storedOf(stored))),
      },
      { flops: 2 * rows * depth * cols },
      rows === 1 ? 16 : 2,
    );
  }
}
