import type { Pass, Tensor } from "../../src/gpu/gpu.ts";
import {
  attention,
  attentionBackward,
  type AttentionBackwardInputs,
  type AttentionRule,
} from "../../src/ops/attention.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { pairs, ragged } from "../../tests/support/ragged.ts";
import { benchOps } from "../support/bench_ops.ts";

// The baseline is the kernels that need no subgroups: one thread a row. Not for long sequences, where
// it takes seconds a run on a CPU.
const withoutSubgroups = (pass: Pass): Pass => ({
  ...pass,
  adapter: { ...pass.adapter, subgroups: false, subgroupSize: 0 },
});

type Forward = Record<"qkv" | "starts", Tensor>;
type Backward = AttentionBackwardInputs;

const benchAttention = (
  group: string,
  lengths: ReadonlyArray<number>,
  rule: AttentionRule,
  repeat: number,
  baseline: boolean,
): void => {
  const { rows, starts, ends } = ragged(lengths);
  const products = pairs(lengths, rule.window) * rule.heads * rule.headDim;
  const qkv = [rows, qkvCols(rule)];

  const forward = (pass: Pass, tensors: Forward) => {
    const { y, logSumExp } = attention(pass, tensors.qkv, tensors.starts, rule);
    pass.release(y, logSumExp);
  };
  benchOps(
    `attention ${group}`,
    { qkv, starts },
    {
      ...(baseline
        ? {
          attention_any: (pass: Pass, tensors: Forward) => forward(withoutSubgroups(pass), tensors),
        }
        : {}),
      attention: forward,
    },
    { flops: 4 * products },
    repeat,
  );

  const backward = (pass: Pass, tensors: Backward) =>
    pass.release(attentionBackward(pass, tensors, rule));
  const y = [rows, rule.heads * rule.headDim];
  const inputs = { qkv, starts, ends, y, dY: y, logSumExp: [rule.heads, rows] };
  benchOps(
    `attention_backward ${group}`,
    inputs,
    {
      ...(baseline
        ? {
          attention_backward_any: (pass: Pass, tensors: Backward) =>
            backward(withoutSubgroups(pass), tensors),
        }
        : {}),
      attention_backward: backward,
    },
    { flops: 10 * products },
    repeat,
  );
};

// The main job: 2,048 rows of sequences of about 32 tokens. A batch of 4 long ones.
const short = Array.from({ length: 64 }, (_, i) => 20 + (i * 7) % 25);
const rest = 2048 - short.reduce((sum, length) => sum + length, 0);
benchAttention(
  "2048 rows of ~32, 4/2 heads of 32",
  [...short, rest],
  {
    heads: 4,
    kvHeads: 2,
    headDim: 32,
  },
  8,
  true,
);
benchAttention(
  "4 × 512, 8/8 heads of 64",
  [512, 512, 512, 512],
  {
    heads: 8,
    kvHeads: 8,
    headDim: 64,
  },
  1,
  false,
);
// A quarter of the pairs are in the window; heads of most larger models.
benchAttention(
  "1024, 2/1 heads of 128, window 128",
  [1024],
  {
    heads: 2,
    kvHeads: 1,
    headDim: 128,
    window: 128,
  },
  1,
  false,
);
