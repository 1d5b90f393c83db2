/** What the benches of attention and of its backward measure. @module */
import type { AttentionRule } from "../../src/ops/attention.ts";

/** One batch under one rule. */
export interface AttentionCase {
  readonly group: string;
  readonly lengths: ReadonlyArray<number>;
  readonly rule: AttentionRule;
  /** Runs a measurement. */
  readonly repeat: number;
  /**
   * Whether the baseline is measured too: the kernels that need no subgroups, one thread a row. Not for long
   * sequences, where it takes seconds a run on a CPU.
   */
  readonly baseline: boolean;
}

const short = Array.from({ length: 64 }, (_, i) => 20 + (i * 7) % 25);
const rest = 2048 - short.reduce((sum, length) => sum + length, 0);

/** Those of the main job, of a batch of long sequences, and of a window. */
export const attentionCases: ReadonlyArray<AttentionCase> = [
  {
    group: "2048 rows of ~32, 4/2 heads of 32",
    lengths: [...short, rest],
    rule: { heads: 4, kvHeads: 2, headDim: 32 },
    ...{ repeat: 8, baseline: true },
  },
  {
    group: "4 × 512, 8/8 heads of 64",
    lengths: [512, 512, 512, 512],
    rule: { heads: 8, kvHeads: 8, headDim: 64 },
    ...{ repeat: 1, baseline: false },
  },
  // A quarter of the pairs are in the window; heads of most larger models.
  {
    group: "1024, 2/1 heads of 128, window 128",
    lengths: [1024],
    rule: { heads: 2, kvHeads: 1, headDim: 128, window: 128 },
    ...{ repeat: 1, baseline: false },
  },
];
