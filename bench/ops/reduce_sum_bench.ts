import { copy } from "../../src/ops/copy.ts";
import { sumInto } from "../../src/ops/reduce_sum.ts";
import { benchOps } from "../support/bench_ops.ts";

// The losses of a 4096-token batch: what counts is the latency of one workgroup.
const rows = 4096;

benchOps(`reduce_sum [${rows}]`, { x: [rows], ring: [100] }, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  reduce_sum: (pass, { x, ring }) => sumInto(pass, x, ring, 3),
}, { bytes: 4 * rows });
