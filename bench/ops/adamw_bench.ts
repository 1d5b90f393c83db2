import { adamw } from "../../src/ops/adamw.ts";
import { copy } from "../../src/ops/copy.ts";
import { benchOps } from "../support/bench_ops.ts";

// An eighth of a rank-16 adapter on a 1B model. `copy` moves a quarter of the bytes.
const size = 2 ** 20;

benchOps(`adamw [${size}]`, {
  value: [size],
  gradient: [size],
  first: [size],
  second: [size],
  norm: [1],
}, {
  copy: (pass, { value }) => pass.release(copy(pass, value)),
  adamw: (pass, tensors) =>
    adamw(pass, tensors, {
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      weightDecay: 0.01,
      step: 100,
      clipNorm: 1,
    }),
}, { bytes: 8 * 4 * size });
