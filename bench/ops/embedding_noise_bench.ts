import { copy } from "../../src/ops/copy.ts";
import { embeddingNoise } from "../../src/ops/embedding_noise.ts";
import { benchOps } from "../support/bench_ops.ts";

// The embedded tokens of a micro-batch: one sequence of 512.
const [rows, hidden] = [512, 512];
const starts = new Uint32Array(rows);
const ends = new Uint32Array(rows).fill(rows);

benchOps(`embedding_noise [${rows}, ${hidden}]`, { x: [rows, hidden], starts, ends }, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  embedding_noise: (pass, { x, starts, ends }) =>
    embeddingNoise(pass, x, { starts, ends }, { alpha: 5, seed: 42, step: 1 }),
}, { bytes: 8 * rows * hidden });
