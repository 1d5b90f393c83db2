import { fill } from "../../src/ops/fill.ts";
import { benchOps } from "../support/bench_ops.ts";

// A 512-token batch of Llama-3.2-1B.
const [rows, cols] = [512, 2048];

benchOps(`fill [${rows}, ${cols}]`, { x: [rows, cols] }, {
  fill: (pass, { x }) => fill(pass, x, 0),
}, { bytes: 4 * rows * cols });
