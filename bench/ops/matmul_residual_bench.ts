import { matmulNT } from "../../src/ops/matmul.ts";
import { residualAdd } from "../../src/ops/residual_add.ts";
import { benchOps } from "../support/bench_ops.ts";

// The output of a feed-forward of a small model on 512 packed tokens, with LoRA of rank 16.
const [rows, rank] = [512, 16];

benchOps(
  `matmulNT stream + x·Wᵀ + t·Bᵀ [${rows} × 512 × 128]`,
  { x: [rows, 512], w: [128, 512], t: [rows, rank], b: [128, rank], stream: [rows, 128] },
  {
    "a dispatch each": (pass, { x, w, t, b, stream }) => {
      const output = matmulNT(pass, x, w, { plus: [{ a: t, b, columns: [0, 128] }] });
      pass.release(residualAdd(pass, stream, output), output);
    },
    "with a residual": (pass, { x, w, t, b, stream }) =>
      pass.release(
        matmulNT(pass, x, w, { plus: [{ a: t, b, columns: [0, 128] }], residual: stream }),
      ),
  },
  { flops: 2 * rows * (512 + rank) * 128 },
  2,
);
