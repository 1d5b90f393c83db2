import { reshape } from "../../src/gpu/gpu.ts";
import { programOf } from "../../src/generation/formula.ts";
import { context, minus, plus, times } from "../../src/generation/formula.ts";
import { copy } from "../../src/ops/copy.ts";
import { encodeProgram, logitArithmetic } from "../../src/ops/logit_arithmetic.ts";
import { benchOps } from "../support/bench_ops.ts";

// One decoding step of 128 prompts in two contexts on the fixture model, of 8 on a Llama-2
// vocabulary, and of 2 on Qwen's: M + 0.5 (J − M). `copy` moves the same bytes.
const [m, j] = [context("m"), context("j")];
const words = encodeProgram(programOf(plus(m, times(0.5, minus(j, m)))));

for (const [rows, vocab] of [[256, 320], [16, 32_000], [4, 151_936]] as const) {
  benchOps(`logit_arithmetic [${rows}, ${vocab}]`, { logits: [rows, vocab], program: words }, {
    copy: (pass, { logits }) => pass.release(copy(pass, logits)),
    logit_arithmetic: (pass, { logits, program }) =>
      logitArithmetic(pass, logits, reshape(program, [words.length / 2, 2]), { contexts: 2 }),
  }, { bytes: 2 * 4 * rows * vocab });
}
