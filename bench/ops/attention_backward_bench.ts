import type { Pass } from "../../src/gpu/gpu.ts";
import { attentionBackward, type AttentionBackwardInputs } from "../../src/ops/attention.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { withoutSubgroups } from "../../tests/support/adapted_pass.ts";
import { pairs, ragged } from "../../tests/support/ragged.ts";
import { attentionCases } from "../support/attention_cases.ts";
import { benchOps } from "../support/bench_ops.ts";

for (const { group, lengths, rule, repeat, baseline } of attentionCases) {
  const { rows, starts, ends } = ragged(lengths);
  const y = [rows, rule.heads * rule.headDim];
  const backward = (pass: Pass, tensors: AttentionBackwardInputs) =>
    pass.release(attentionBackward(pass, tensors, rule));
  const any = (pass: Pass, tensors: AttentionBackwardInputs) =>
    backward(withoutSubgroups(pass), tensors);
  benchOps(
    `attention_backward ${group}`,
    { qkv: [rows, qkvCols(rule)], starts, ends, y, dY: y, logSumExp: [rule.heads, rows] },
    { ...baseline ? { attention_backward_any: any } : {}, attention_backward: backward },
    { flops: 10 * pairs(lengths, rule.window) * rule.heads * rule.headDim },
    repeat,
  );
}
