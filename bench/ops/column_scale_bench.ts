import { columnScale, columnScaleBackward } from "../../src/ops/column_scale.ts";
import { copy } from "../../src/ops/copy.ts";
import { benchOps } from "../support/bench_ops.ts";

// The queries of a 512-token batch of Llama-3.2-1B. `copy` moves two thirds of the bytes: each op
// reads one matrix and writes two, or reads two and writes one. The lengths are the norms: y stays
// finite however often it is scaled.
const [rows, cols] = [512, 2048];
const shapes = { y: [rows, cols], z: [rows, cols], norms: [cols], dLengths: [cols] };
const bytes = 3 * 4 * rows * cols;

benchOps(`column_scale [${rows}, ${cols}]`, shapes, {
  copy: (pass, { y }) => pass.release(copy(pass, y)),
  column_scale: (pass, { y, norms }) =>
    pass.release(columnScale(pass, y, { lengths: norms, norms })),
}, { bytes });

benchOps(`column_scale_backward [${rows}, ${cols}]`, shapes, {
  copy: (pass, { y }) => pass.release(copy(pass, y)),
  column_scale_backward: (pass, { y, z, norms, dLengths }) =>
    columnScaleBackward(pass, y, { z, lengths: norms, norms }, dLengths),
}, { bytes });
