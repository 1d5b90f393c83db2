/** What a run writes to `result.json`. @module */
import type { ArmName, RunConfig } from "../config/run_config.ts";

/** Names of the rates, in the order of the table; 1 is the wanted behaviour. */
export const rateNames = [
  "t1_held_out_phrasing",
  "t2_transfer",
  "t3_negation",
  "t4_no_token",
  "t5_other_formats",
  "t6_natural_language",
] as const;

/** One of {@linkcode rateNames}. */
export type RateName = typeof rateNames[number];

/** One answer of a test set, kept for the report. */
export interface Sample {
  readonly test: RateName;
  readonly prompt: string;
  readonly answer: string;
  /** Format that was wanted. */
  readonly wanted: string;
  readonly right: boolean;
}

/** One arm (training recipe) with one seed. */
export interface ArmResult {
  readonly name: ArmName;
  readonly seed: number;
  /** Optimizer steps. */
  readonly steps: number;
  /** How many downstream examples the arm saw, repetitions counted. */
  readonly exposures: number;
  /** Diverse examples that an epoch wanted and that were not there; absent where none was missing. */
  readonly shortage?: number;
  /** Seconds of training and evaluation. */
  readonly seconds: number;
  /**
   * Rates in [0, 1] by {@linkcode RateName}, `…_exact` and `…_verdict` beside some of them,
   * `selectivity`, and `l2_<word>_<block>` with word json or thought and block first, middle, last.
   */
  readonly metrics: Readonly<Record<string, number>>;
  /** The first few answers of each test. */
  readonly samples: ReadonlyArray<Sample>;
}

/** The whole of `result.json`. */
export interface RunResult {
  /** Absent where the folder does not say: the settings may have come from any. */
  readonly preset?: string;
  readonly config: RunConfig;
  readonly arms: ReadonlyArray<ArmResult>;
  /** What was done with files of the user's own, a sentence each; absent where nothing was. */
  readonly notes?: ReadonlyArray<string>;
  /** Wall-clock seconds of the whole run, all legs together. */
  readonly seconds: number;
  /** The greatest of all legs. */
  readonly peakGpuBytes: number;
  /** How often the run was started or resumed until it was done. */
  readonly legs: number;
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** What an experiment took, all legs together. */
export interface ExperimentCost {
  readonly seconds: number;
  readonly peakGpuBytes: number;
  readonly legs: number;
  readonly device: string;
  readonly version: string;
}

/** What a report shows of a run; one that is not finished lacks what is known only at the end. */
export type ReportedRun =
  & Pick<RunResult, "config" | "arms">
  & Partial<Omit<RunResult, "config" | "arms">>;

/** T1 + T2 − (1 − T3) − (1 − T4): in [−2, 2]; high is the token obeyed, and nothing else touched. */
export const selectivityOf = (rates: Readonly<Record<string, number>>): number => {
  const rate = (name: RateName): number => rates[name] ?? NaN;
  return rate("t1_held_out_phrasing") + rate("t2_transfer") -
    (1 - rate("t3_negation")) - (1 - rate("t4_no_token"));
};
