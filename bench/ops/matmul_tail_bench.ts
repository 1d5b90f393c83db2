import { columns, matmulNN, matmulNT } from "../../src/ops/matmul.ts";
import { benchOps } from "../support/bench_ops.ts";

// Linears of small models on 512 packed tokens, with LoRA of rank 16 on all their parts.
const rows = 512;
const rank = 16;

benchOps(
  `matmulNT x·Wᵀ + t·Bᵀ of gate and up [${rows} × 128 × 1024]`,
  {
    x: [rows, 128],
    w: [1024, 128],
    t: [rows, 2 * rank],
    b: [1024, rank],
  },
  {
    "a dispatch each": (pass, { x, w, t, b }) => {
      const y = matmulNT(pass, x, w);
      for (const [i, from] of [0, 512].entries()) {
        const into = columns(y, from, from + 512);
        const own = columns(t, i * rank, (i + 1) * rank);
        matmulNT(pass, own, { ...b, shape: [512, rank] }, { into, accumulate: true });
      }
      pass.release(y);
    },
    "with a tail": (pass, { x, w, t, b }) =>
      pass.release(matmulNT(pass, x, w, {
        plus: [0, 512].map((from, i) => ({
          a: columns(t, i * rank, (i + 1) * rank),
          b: { ...b, shape: [512, rank] },
          columns: [from, from + 512],
        })),
      })),
  },
  { flops: 2 * rows * (128 + rank) * 1024 },
  2,
);

benchOps(
  `matmulNN dY·W + dT·A of gate and up [${rows} × 1024 × 128]`,
  {
    dY: [rows, 1024],
    w: [1024, 128],
    dT: [rows, 2 * rank],
    a: [2 * rank, 128],
  },
  {
    "a dispatch each": (pass, { dY, w, dT, a }) => {
      const dX = matmulNN(pass, dY, w);
      matmulNN(pass, dT, a, { into: dX, accumulate: true });
      pass.release(dX);
    },
    "with a tail": (pass, { dY, w, dT, a }) =>
      pass.release(matmulNN(pass, dY, w, { plus: [{ a: dT, b: a, columns: [0, 128] }] })),
  },
  { flops: 2 * rows * (1024 + 2 * rank) * 128 },
  2,
);
