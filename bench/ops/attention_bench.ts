import type { Pass, Tensor } from "../../src/gpu/gpu.ts";
import { attention } from "../../src/ops/attention.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { withoutSubgroups } from "../../tests/support/adapted_pass.ts";
import { pairs, ragged } from "../../tests/support/ragged.ts";
import { attentionCases } from "../support/attention_cases.ts";
import { benchOps } from "../support/bench_ops.ts";

type Inputs = Record<"qkv" | "starts", Tensor>;

for (const { group, lengths, rule, repeat, baseline } of attentionCases) {
  const { rows, starts } = ragged(lengths);
  const forward = (pass: Pass, tensors: Inputs) => {
    const { y, logSumExp } = attention(pass, tensors.qkv, tensors.starts, rule);
    pass.release(y, logSumExp);
  };
  const any = (pass: Pass, tensors: Inputs) => forward(withoutSubgroups(pass), tensors);
  benchOps(
    `attention ${group}`,
    { qkv: [rows, qkvCols(rule)], starts },
    { ...baseline ? { attention_any: any } : {}, attention: forward },
    { flops: 4 * pairs(lengths, rule.window) * rule.heads * rule.headDim },
    repeat,
  );
}
