import { copy } from "../../src/ops/copy.ts";
import { scaleByToken } from "../../src/ops/scale_by_token.ts";
import { benchOps } from "../support/bench_ops.ts";

// A chunk of logits of a small model: what weighted tokens add to a cross-entropy.
const [rows, vocab] = [1024, 320];

benchOps(`scale_by_token [${rows}, ${vocab}]`, { x: [rows, vocab], weights: [rows] }, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  scale_by_token: (pass, { x, weights }) => scaleByToken(pass, x, weights),
}, { bytes: 8 * rows * vocab });
