/** How the base model of the miniature world is made. @module */
import { Schema } from "effect";
import { Count, CountOrZero, Fraction, orDefault, Positive } from "./field.ts";
import { OptimizerConfig } from "./optimizer_config.ts";

/** Settings of `pretrain`. */
export interface PretrainConfig {
  /** Width of the residual stream. */
  readonly hidden: number;
  /** Width of the feed-forward block. */
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  /** Heads of keys and values; divides `heads`. */
  readonly kvHeads: number;
  /** Longest sequence, in tokens. */
  readonly maxPositions: number;
  /** Items an optimizer step. */
  readonly batchSize: number;
  /** Optimizer steps. */
  readonly steps: number;
  /** Steps between two checkpoints. */
  readonly checkpointEvery: number;
  /** Deviation of a fresh weight. */
  readonly initializerRange: number;
  /** Share of the prompt's tokens, drawn at random, that are labels beside the answer's. */
  readonly promptShare: number;
  /** Seed of weights and items. */
  readonly seed: number;
  readonly optimizer: OptimizerConfig;
}

/** Decodes and checks a {@linkcode PretrainConfig}; the defaults made the base that is shipped. */
export const PretrainConfig: Schema.Codec<
  PretrainConfig,
  Partial<Omit<PretrainConfig, "optimizer">> & { readonly optimizer?: Partial<OptimizerConfig> }
> = Schema.Struct({
  hidden: orDefault(Count, 128),
  intermediate: orDefault(Count, 512),
  layers: orDefault(Count, 4),
  heads: orDefault(Count, 4),
  kvHeads: orDefault(Count, 2),
  maxPositions: orDefault(Count, 256),
  batchSize: orDefault(Count, 64),
  steps: orDefault(Count, 3200),
  checkpointEvery: orDefault(Count, 250),
  initializerRange: orDefault(Positive, 0.05),
  promptShare: orDefault(Fraction, 0.1),
  seed: orDefault(CountOrZero, 1),
  optimizer: orDefault(OptimizerConfig, {
    learningRate: 3e-3,
    betas: [0.9, 0.95],
    weightDecay: 0.05,
    warmupSteps: 100,
    schedule: "cosine",
  }),
});
