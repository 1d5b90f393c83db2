import type { Pass, Tensor } from "../../src/gpu/gpu.ts";
import { columns, matmulNN, matmulTN } from "../../src/ops/matmul.ts";
import { type GroupedProduct, matmulGroup } from "../../src/ops/matmul_group.ts";
import { benchOps } from "../support/bench_ops.ts";

// LoRA of rank 16 on q, k and v of the fixture's model, 512 packed tokens.
const [rows, rank] = [512, 16];
const widths = [128, 64, 64];
const across = 256;

const partsOf = (dY: Tensor, b: Tensor, dT: Tensor): ReadonlyArray<GroupedProduct> =>
  widths.map((width, i) => {
    const from = widths.slice(0, i).reduce((sum, one) => sum + one, 0);
    return {
      a: columns(dY, from, from + width),
      b: {
        ...b,
        offset: b.offset + from * rank * 4,
        bytes: width * rank * 4,
        shape: [width, rank],
      },
      into: columns(dT, i * rank, (i + 1) * rank),
    };
  });

const gradientsOf = (dY: Tensor, t: Tensor, dB: Tensor): ReadonlyArray<GroupedProduct> =>
  partsOf(dY, dB, t).map(({ a, b: into, into: b }) => ({ a, b, into }));

const each =
  (product: typeof matmulNN | typeof matmulTN) =>
  (pass: Pass, group: ReadonlyArray<GroupedProduct>) => {
    for (const { a, b, into } of group) product(pass, a, b, { into });
  };

const withTensor = (
  pass: Pass,
  shape: ReadonlyArray<number>,
  use: (made: Tensor) => void,
): void => {
  const made = pass.tensor(shape);
  use(made);
  pass.release(made);
};

benchOps(
  `dY·B of q, k and v [${rows} × ${widths} × ${rank}]`,
  { dY: [rows, across], b: [across, rank] },
  {
    "a dispatch each": (pass, { dY, b }) =>
      withTensor(pass, [rows, 3 * rank], (dT) => each(matmulNN)(pass, partsOf(dY, b, dT))),
    "in a group": (pass, { dY, b }) =>
      withTensor(pass, [rows, 3 * rank], (dT) => matmulGroup(pass, "NN", partsOf(dY, b, dT))),
  },
  { flops: 2 * rows * across * rank },
  8,
);

benchOps(
  `dYᵀ·T of q, k and v [${widths} × ${rows} × ${rank}]`,
  { dY: [rows, across], t: [rows, 3 * rank] },
  {
    "a dispatch each": (pass, { dY, t }) =>
      withTensor(pass, [across, rank], (dB) => each(matmulTN)(pass, gradientsOf(dY, t, dB))),
    "in a group": (pass, { dY, t }) =>
      withTensor(pass, [across, rank], (dB) => matmulGroup(pass, "TN", gradientsOf(dY, t, dB))),
  },
  { flops: 2 * rows * across * rank },
  8,
);
