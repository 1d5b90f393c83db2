/** How far each step moves the weights: AdamW and its learning-rate schedule. @module */
import { Schema } from "effect";
import { CountOrZero, Fraction, orDefault, Positive, PositiveOrZero } from "./field.ts";

/** Shape of the learning rate after warmup. */
export type LearningRateSchedule = "constant_with_warmup" | "cosine" | "linear";

/** Settings of the optimizer. */
export interface OptimizerConfig {
  /** Peak learning rate. Small models need more (5e-3) than large ones (2e-4). */
  readonly learningRate: number;
  /** Decay of the first and second moment, each in [0, 1). */
  readonly betas: readonly [number, number];
  /** Added to the root of the second moment. */
  readonly eps: number;
  /** Decoupled decay a step, times the learning rate. */
  readonly weightDecay: number;
  /** Largest global gradient norm; 0 turns clipping off. */
  readonly clipNorm: number;
  /** Optimizer steps in which the rate rises linearly from 0. */
  readonly warmupSteps: number;
  /** After warmup: flat, or down to 0 at the last step. */
  readonly schedule: LearningRateSchedule;
}

/** Decodes and checks an {@linkcode OptimizerConfig}. */
export const OptimizerConfig: Schema.Codec<OptimizerConfig, Partial<OptimizerConfig>> = Schema
  .Struct({
    learningRate: orDefault(Positive, 2e-4),
    betas: orDefault(Schema.Tuple([Fraction, Fraction]), [0.9, 0.999]),
    eps: orDefault(Positive, 1e-8),
    weightDecay: orDefault(PositiveOrZero, 0.01),
    clipNorm: orDefault(PositiveOrZero, 1),
    warmupSteps: orDefault(CountOrZero, 25),
    schedule: orDefault(
      Schema.Literals(["constant_with_warmup", "cosine", "linear"]),
      "constant_with_warmup",
    ),
  });
