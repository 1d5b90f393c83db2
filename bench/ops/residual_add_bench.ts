import { copy } from "../../src/ops/copy.ts";
import { accumulate, residualAdd } from "../../src/ops/residual_add.ts";
import { benchOps } from "../support/bench_ops.ts";

// A 512-token batch of Llama-3.2-1B. `copy` moves two thirds of the bytes.
const [rows, cols] = [512, 2048];

benchOps(`residual_add [${rows}, ${cols}]`, { x: [rows, cols], delta: [rows, cols] }, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  residual_add: (pass, { x, delta }) => pass.release(residualAdd(pass, x, delta)),
  accumulate: (pass, { x, delta }) => accumulate(pass, x, delta),
}, { bytes: 3 * 4 * rows * cols });
