/** In which order a stage of a recipe shows its examples: plain arithmetic on indices. @module */
import type { RunConfig } from "../config/run_config.ts";
import { deliaMixing } from "../delia/mixing/delia.ts";
import { downstreamOnly } from "../delia/mixing/downstream_only.ts";
import { interleaveMixing } from "../delia/mixing/interleave.ts";
import type { Mixing } from "../delia/mixing.ts";
import { permutation } from "../delia/pcg64.ts";
import type { Stage } from "./recipe.ts";

/** How many examples of each kind there are. */
export interface StageSizes {
  readonly downstream: number;
  readonly diverse: number;
  readonly facts: number;
}

/** One place in the order. */
export interface StageItem {
  readonly source: keyof StageSizes;
  /** Index in that source, from 0. */
  readonly index: number;
}

type Settings = Pick<RunConfig, "mixing" | "training">;

/** The mixing strategy that the config names, at its ratio or another. */
export const mixingOf = (
  { mixing }: Pick<RunConfig, "mixing">,
  ratio: number = mixing.diverseRatio,
): Mixing => {
  switch (mixing.strategy) {
    case "delia":
      return deliaMixing({ diverseRatio: ratio });
    case "interleave":
      return interleaveMixing({ diverseRatio: ratio });
    case "downstream_only":
      return downstreamOnly;
  }
};

/** An epoch of `stage`, drawn by `seed`. */
const epochOf = (
  { data, diverseRatio, share = 1 }: Stage,
  settings: Settings,
  sizes: StageSizes,
  seed: number,
): ReadonlyArray<StageItem> => {
  const ratio = diverseRatio ?? settings.mixing.diverseRatio;
  const wanted = Math.min(sizes.diverse, Math.floor(sizes.downstream * ratio));
  switch (data) {
    case "mixed":
      return mixingOf(settings, ratio).plan(sizes, seed);
    case "downstream":
      return shuffled([["downstream", sizes.downstream]], seed);
    case "facts":
      return shuffled([["facts", sizes.facts]], seed);
    case "facts_and_downstream":
      return shuffled([["facts", sizes.facts], ["downstream", sizes.downstream]], seed);
    case "diverse_and_share": {
      const some = Math.max(1, Math.ceil(share * sizes.downstream));
      return shuffled([["diverse", wanted], ["downstream", some]], seed);
    }
  }
};

const shuffled = (
  parts: ReadonlyArray<readonly [source: StageItem["source"], count: number]>,
  seed: number,
): ReadonlyArray<StageItem> => {
  const items = parts.flatMap(([source, count]) =>
    Array.from({ length: count }, (_, index): StageItem => ({ source, index }))
  );
  return Array.from(permutation(items.length, seed), (i) => items[i]!);
};

const rounds = (
  stage: Stage,
  settings: Settings,
  sizes: StageSizes,
  count: number,
  seed: number,
): ReadonlyArray<StageItem> =>
  Array.from({ length: count }, (_, round) => epochOf(stage, settings, sizes, seed + round)).flat();

/** Optimizer steps that one epoch of the configured mix takes: what arms are matched to. */
export const mixSteps = (settings: Settings, sizes: StageSizes, seed: number): number => {
  const { epochs, batchSize, accumulationSteps } = settings.training;
  const mix: Stage = { data: "mixed", length: "epoch" };
  return Math.ceil(
    rounds(mix, settings, sizes, epochs, seed).length / (batchSize * accumulationSteps),
  );
};

/**
 * The examples of `stage` in the order of training; optimizer steps follow by the batch size. A given
 * number of steps or exposures is met by as many epochs as that takes, each in an order of its own.
 */
export const orderOfStage = (
  stage: Stage,
  settings: Settings,
  sizes: StageSizes,
  seed: number,
): ReadonlyArray<StageItem> => {
  const { training } = settings;
  const first = settings.mixing.shuffleSeed + seed;
  const perStep = training.batchSize * training.accumulationSteps;
  const anEpoch = epochOf(stage, settings, sizes, first);
  if (anEpoch.length === 0) return [];
  const steps = training.steps ??
    (stage.length === "matched_steps" ? mixSteps(settings, sizes, first) : undefined);
  if (steps !== undefined) {
    const count = Math.ceil(steps * perStep / anEpoch.length);
    return rounds(stage, settings, sizes, count, first).slice(0, steps * perStep);
  }
  const epochs = stage.length === "matched_exposures"
    ? Math.max(1, Math.round(stage.exposures ?? 1))
    : training.epochs;
  return rounds(stage, settings, sizes, epochs, first);
};
