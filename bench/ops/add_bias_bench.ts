import { addBias, addBiasBackward } from "../../src/ops/add_bias.ts";
import { copy } from "../../src/ops/copy.ts";
import { benchOps } from "../support/bench_ops.ts";

// The queries, keys and values of a 512-token batch of Qwen2.5-1.5B. `copy` moves the bytes of the
// forward, and twice those of the backward.
const [rows, cols] = [512, 2048];
const bytes = 4 * rows * cols;

benchOps(`add_bias [${rows}, ${cols}]`, { y: [rows, cols], bias: [cols] }, {
  copy: (pass, { y }) => pass.release(copy(pass, y)),
  add_bias: (pass, { y, bias }) => addBias(pass, y, bias),
}, { bytes: 2 * bytes });

benchOps(`add_bias_backward [${rows}, ${cols}]`, { dY: [rows, cols], dBias: [cols] }, {
  copy: (pass, { dY }) => pass.release(copy(pass, dY)),
  add_bias_backward: (pass, { dY, dBias }) => addBiasBackward(pass, dY, dBias),
}, { bytes });
