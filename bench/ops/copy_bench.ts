import { copy } from "../../src/ops/copy.ts";
import { benchOps } from "../support/bench_ops.ts";

// A 512-token batch of Llama-3.2-1B.
const [rows, cols] = [512, 2048];

benchOps(`copy [${rows}, ${cols}]`, { x: [rows, cols] }, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
}, { bytes: 2 * 4 * rows * cols });
