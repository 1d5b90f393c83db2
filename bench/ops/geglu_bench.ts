import { copy } from "../../src/ops/copy.ts";
import { geglu, gegluBackward } from "../../src/ops/geglu.ts";
import { benchOps } from "../support/bench_ops.ts";

// A 128-token batch of Gemma 3 1B. `copy` moves 4/3 of the forward's bytes, 2/3 of the backward's.
const [rows, cols] = [128, 6912];
const bytes = 4 * rows * cols;

benchOps(`geglu [${rows}, ${cols}]`, { gateUp: [rows, 2 * cols] }, {
  copy: (pass, { gateUp }) => pass.release(copy(pass, gateUp)),
  geglu: (pass, { gateUp }) => pass.release(geglu(pass, gateUp)),
}, { bytes: 3 * bytes });

benchOps(`geglu_backward [${rows}, ${cols}]`, { gateUp: [rows, 2 * cols], dY: [rows, cols] }, {
  copy: (pass, { gateUp }) => pass.release(copy(pass, gateUp)),
  geglu_backward: (pass, { gateUp, dY }) => gegluBackward(pass, gateUp, dY),
}, { bytes: 6 * bytes });
