import { copy } from "../../src/ops/copy.ts";
import { type PackedTensor, unpackRows } from "../../src/ops/unpack.ts";
import type { Pass, Tensor } from "../../src/gpu/gpu.ts";
import { benchOps } from "../support/bench_ops.ts";

// The gate and up projections of SmolLM2-135M. `copy` writes the same numbers and reads more of them.
const [rows, cols] = [3072, 576];
const size = rows * cols;
const [halves, bytes] = [2, 4].map((each) => new Uint32Array(size / each).fill(0x3c003c00));

const unpack = (pass: Pass, of: Omit<PackedTensor, "shape">): void =>
  pass.release(unpackRows(pass, { ...of, shape: [rows, cols] }, 0, rows));

benchOps(`unpack [${rows}, ${cols}]`, {
  x: [rows, cols],
  halves: halves!,
  bytes: bytes!,
  scales: [size / 32],
}, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  f16: (pass, { halves }) => unpack(pass, { format: "f16", words: halves }),
  bf16: (pass, { halves }) => unpack(pass, { format: "bf16", words: halves }),
  q8: (pass, { bytes, scales }: { readonly bytes: Tensor; readonly scales: Tensor }) =>
    unpack(pass, { format: "q8", words: bytes, scales }),
}, { bytes: 4 * size });
