import { copy } from "../../src/ops/copy.ts";
import { rowNorms, rowScale } from "../../src/ops/row_norms.ts";
import { benchOps } from "../support/bench_ops.ts";

// A query projection of Llama-3.2-1B. `copy` moves the same bytes: no kernel can beat it.
const [rows, cols] = [2048, 2048];
const bytes = 2 * 4 * rows * cols;

benchOps(`row_norms [${rows}, ${cols}]`, { w: [rows, cols], delta: [rows, cols] }, {
  copy: (pass, { w }) => pass.release(copy(pass, w)),
  row_norms: (pass, { w, delta }) => pass.release(rowNorms(pass, w, delta)),
}, { bytes });

// The lengths are the norms: w stays finite however often it is scaled.
benchOps(`row_scale [${rows}, ${cols}]`, { w: [rows, cols], norms: [rows] }, {
  copy: (pass, { w }) => pass.release(copy(pass, w)),
  row_scale: (pass, { w, norms }) => rowScale(pass, w, { lengths: norms, norms }),
}, { bytes });
