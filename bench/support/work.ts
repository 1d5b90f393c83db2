/** What a bench computes, written into its name: deno reports names and times only. @module */

/** What one run of a variant does, to turn its time into a rate. */
export interface Work {
  /** Floating-point operations. */
  readonly flops?: number;
  /** Bytes read and written at the least. */
  readonly bytes?: number;
  /** Tokens of a training step. */
  readonly tokens?: number;
}

/** A bench's name with the work of one measured run, as `bench/run_benches.ts` reads it. */
export const nameWithWork = (name: string, work: Work, repeat = 1): string => {
  const parts = Object.entries(work).map(([unit, count]) => `${unit}:${count * repeat}`);
  return parts.length === 0 ? name : `${name} {${parts.join(",")}}`;
};
