import { copy } from "../../src/ops/copy.ts";
import { globalNorm } from "../../src/ops/global_norm.ts";
import { benchOps } from "../support/bench_ops.ts";

// Rank 16 on every linear of a 1B model is about 2²³ numbers; an eighth of it. `copy` moves twice the
// bytes.
const size = 2 ** 20;

benchOps(`global_norm [${size}]`, { x: [size] }, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  global_norm: (pass, { x }) => pass.release(globalNorm(pass, [x])),
}, { bytes: 4 * size });
