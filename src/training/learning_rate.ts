/** The learning rate of each optimizer step. @module */
import type { OptimizerConfig } from "../config/optimizer_config.ts";

/**
 * Learning rate of `step` (from 0) of `steps`: a linear warmup from learningRate/warmupSteps, then
 * flat, or down to 0 by a cosine or a line.
 */
export const learningRateAt = (
  { learningRate, warmupSteps, schedule }: OptimizerConfig,
  step: number,
  steps: number,
): number => {
  if (step < warmupSteps) return learningRate * (step + 1) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  switch (schedule) {
    case "constant_with_warmup":
      return learningRate;
    case "linear":
      return learningRate * (1 - progress);
    case "cosine":
      return learningRate * (1 + Math.cos(Math.PI * progress)) / 2;
  }
};
