import { crossEntropy, IGNORE } from "../../src/ops/cross_entropy.ts";
import { matmulNT } from "../../src/ops/matmul.ts";
import { wholeTable } from "../../src/ops/vocabulary_table.ts";
import type { Tensor } from "../../src/gpu/gpu.ts";
import { benchOps } from "../support/bench_ops.ts";

// The head of a small model on 1024 tokens. The baseline is the projection alone: forward and
// gradient need two products of that size.
const [rows, vocab, width] = [1024, 320, 256];
const targets = Uint32Array.from({ length: rows }, (_, row) => row % 4 ? row % vocab : IGNORE);

const withTable = <A extends { readonly head: Tensor }>(inputs: A) => ({
  ...inputs,
  head: wholeTable(inputs.head),
});

benchOps(
  `cross_entropy [${rows}, ${width}] · [${vocab}, ${width}]ᵀ`,
  { hidden: [rows, width], head: [vocab, width], targets },
  {
    projection: (pass, { hidden, head }) => pass.release(matmulNT(pass, hidden, head)),
    losses: (pass, inputs) => {
      const { losses, logSumExp } = crossEntropy(pass, withTable(inputs), {
        scale: 1,
        gradient: false,
      });
      pass.release(losses, logSumExp);
    },
    gradient: (pass, inputs) => {
      const { losses, logSumExp, dHidden } = crossEntropy(pass, withTable(inputs), {
        scale: 1,
        gradient: true,
      });
      pass.release(losses, logSumExp, dHidden!);
    },
  },
  { flops: 2 * rows * vocab * width },
);
