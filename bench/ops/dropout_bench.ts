import { dropout } from "../../src/ops/dropout.ts";
import { benchOps } from "../support/bench_ops.ts";

// The input of an adapter: 512 tokens. Rate 0 draws the same masks and keeps every element.
const [rows, cols] = [512, 512];
const mask = { seed: 42, step: 1, stream: 0 };

benchOps(`dropout [${rows}, ${cols}]`, { x: [rows, cols] }, {
  "rate 0": (pass, { x }) => pass.release(dropout(pass, x, { ...mask, rate: 0 })),
  "rate 0.1": (pass, { x }) => pass.release(dropout(pass, x, { ...mask, rate: 0.1 })),
}, { bytes: 8 * rows * cols });
