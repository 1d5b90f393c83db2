import { copy } from "../../src/ops/copy.ts";
import { placeColumns } from "../../src/ops/place_columns.ts";
import { benchOps } from "../support/bench_ops.ts";

// The logits of 16 sequences over SmolLM2's vocabulary, beside those of one new token.
const [rows, cols] = [16, 49_152];

benchOps(`place_columns [${rows}, ${cols}]`, { x: [rows, cols], y: [rows, cols + 1] }, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  place_columns: (pass, { x, y }) => placeColumns(pass, x, y, 0),
}, { bytes: 2 * 4 * rows * cols });
