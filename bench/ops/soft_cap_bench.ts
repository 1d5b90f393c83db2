import { copy } from "../../src/ops/copy.ts";
import { softCap } from "../../src/ops/soft_cap.ts";
import { benchOps } from "../support/bench_ops.ts";

// The logits of 8 rows of Gemma 2. `copy` moves the same bytes: no kernel can beat it.
const [rows, cols] = [8, 256_000];

benchOps(`soft_cap [${rows}, ${cols}]`, { logits: [rows, cols] }, {
  copy: (pass, { logits }) => pass.release(copy(pass, logits)),
  soft_cap: (pass, { logits }) => softCap(pass, logits, 30),
}, { bytes: 2 * 4 * rows * cols });
