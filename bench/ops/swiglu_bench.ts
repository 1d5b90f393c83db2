import { copy } from "../../src/ops/copy.ts";
import { swiglu, swigluBackward } from "../../src/ops/swiglu.ts";
import { benchOps } from "../support/bench_ops.ts";

// A 128-token batch of Llama-3.2-1B. `copy` moves 4/3 of the forward's bytes, 2/3 of the backward's.
const [rows, cols] = [128, 8192];
const bytes = 4 * rows * cols;

benchOps(`swiglu [${rows}, ${cols}]`, { gateUp: [rows, 2 * cols] }, {
  copy: (pass, { gateUp }) => pass.release(copy(pass, gateUp)),
  swiglu: (pass, { gateUp }) => pass.release(swiglu(pass, gateUp)),
}, { bytes: 3 * bytes });

benchOps(`swiglu_backward [${rows}, ${cols}]`, { gateUp: [rows, 2 * cols], dY: [rows, cols] }, {
  copy: (pass, { gateUp }) => pass.release(copy(pass, gateUp)),
  swiglu_backward: (pass, { gateUp, dY }) => swigluBackward(pass, gateUp, dY),
}, { bytes: 6 * bytes });
