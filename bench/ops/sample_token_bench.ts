import {
  sampleToken,
  sampleTokenKernel,
  sampleTokenRowsKernel,
} from "../../src/ops/sample_token.ts";
import { benchOps } from "../support/bench_ops.ts";

// One decoding step of 256 prompts on the fixture model, of 16 on a Llama-2 vocabulary,
// and of 4 on Qwen's.
const rule = { temperature: 0.7, topP: 0.95 };
for (const [rows, vocab] of [[256, 320], [16, 32_000], [4, 151_936]] as const) {
  const seeds = new Uint32Array(rows);
  benchOps(
    `sample_token [${rows}, ${vocab}]`,
    { logits: [rows, vocab], seeds, steps: seeds },
    {
      workgroup_a_row: (pass, { logits, seeds, steps }) =>
        sampleToken(pass, logits, seeds, steps, rule, {
          kernel: { ...sampleTokenKernel, constants: { WG: vocab > 16_384 ? 256 : 32 } },
        }),
      ...vocab <= 1024
        ? {
          thread_a_row: (pass, { logits, seeds, steps }) =>
            sampleToken(pass, logits, seeds, steps, rule, { kernel: sampleTokenRowsKernel }),
        }
        : {},
    },
    { bytes: 4 * rows * vocab },
  );
}
