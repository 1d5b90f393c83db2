import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { klDivergence } from "../../src/ops/kl_divergence.ts";
import { wholeTable } from "../../src/ops/vocabulary_table.ts";
import { benchOps } from "../support/bench_ops.ts";

// The head of a small model on 1024 tokens. The baseline is cross-entropy with its gradient: two
// products of that size, where the divergence needs three.
const [rows, vocab, width] = [1024, 320, 256];
const targets = Uint32Array.from({ length: rows }, (_, row) => row % vocab);
const counted = new Uint32Array(rows).fill(1);

benchOps(
  `kl_divergence [${rows}, ${width}] · [${vocab}, ${width}]ᵀ`,
  {
    hidden: [rows, width],
    baseHidden: [rows, width],
    dHidden: [rows, width],
    head: [vocab, width],
    targets,
    counted,
  },
  {
    cross_entropy: (pass, { hidden, head, targets }) => {
      const inputs = { hidden, head: wholeTable(head), targets };
      const { losses, logSumExp, dHidden } = crossEntropy(pass, inputs, {
        scale: 1,
        gradient: true,
      });
      pass.release(losses, logSumExp, dHidden!);
    },
    kl_divergence: (pass, { hidden, baseHidden, dHidden, head, counted }) => {
      const inputs = { hidden, baseHidden, head: wholeTable(head), counted };
      pass.release(klDivergence(pass, inputs, dHidden, { scale: 1e-3 }));
    },
  },
  { flops: 2 * rows * vocab * width },
);
