/** In which order a stage of a recipe shows its examples: plain arithmetic on indices. @module */
import type { RunConfig } from "../config/run_config.ts";
import { deliaMixing } from "../delia/mixing/delia.ts";
import { downstreamOnly } from "../delia/mixing/downstream_only.ts";
import { interleaveMixing } from "../delia/mixing/interleave.ts";
import type { Mixing } from "../delia/mixing.ts";
import { permutation } from "../delia/pcg64.ts";
import { randomBits } from "../gpu/random.ts";
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

// Numbers beside `first` are those of the neighbouring seeds: later rounds and stages draw afresh.
const seedOf = (first: number, position: number, round: number): number =>
  position === 0 && round === 0 ? first : randomBits(first, position, round);

/** Optimizer steps that the configured mix takes: what arms are matched to. */
const mixSteps = (settings: Settings, sizes: StageSizes): number => {
  const { epochs, batchSize, accumulationSteps } = settings.training;
  const mix = epochOf({ data: "mixed", length: "epoch" }, settings, sizes, 0); // whatever its order
  return Math.ceil(epochs * mix.length / (batchSize * accumulationSteps));
};

/**
 * The examples of `stage` in the order of training; optimizer steps follow by the batch size. A given
 * number of steps or exposures is met by as many epochs as that takes, each in an order of its own: no
 * two of a seed, of neighbouring seeds or of a recipe's stages are the same shuffle.
 */
export const orderOfStage = (
  stage: Stage,
  settings: Settings,
  sizes: StageSizes,
  seed: number,
  /** Stages of its recipe before this one. */
  position = 0,
): ReadonlyArray<StageItem> => {
  const { training } = settings;
  const first = settings.mixing.shuffleSeed + seed;
  const perStep = training.batchSize * training.accumulationSteps;
  const epoch = (round: number): ReadonlyArray<StageItem> =>
    epochOf(stage, settings, sizes, seedOf(first, position, round));
  const rounds = (count: number): ReadonlyArray<StageItem> =>
    Array.from({ length: count }, (_, round) => epoch(round)).flat();
  const { length } = epoch(0);
  if (length === 0) return [];
  const steps = training.steps ??
    (stage.length === "matched_steps" ? mixSteps(settings, sizes) : undefined);
  if (steps !== undefined) {
    return rounds(Math.ceil(steps * perStep / length)).slice(0, steps * perStep);
  }
  return rounds(
    stage.length === "matched_exposures"
      ? Math.max(1, Math.round(stage.exposures ?? 1))
      : training.epochs,
  );
};
