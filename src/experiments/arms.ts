/** The training recipes that a run compares: each differs from DELIA by one value or two. @module */
import type { ArmName, RunConfig } from "../config/run_config.ts";
import { deliaMixing } from "../delia/mixing/delia.ts";
import { downstreamOnly } from "../delia/mixing/downstream_only.ts";
import { interleaveMixing } from "../delia/mixing/interleave.ts";
import type { MixedItem, Mixing, MixingSizes } from "../delia/mixing.ts";

/** A recipe: which phrasings and which data, for how long. */
export interface Arm {
  readonly name: ArmName;
  /** The instruction in many phrasings, or always in one. */
  readonly phrasings: "diversified" | "one";
  /** The configured mix with diverse data, or downstream data alone. */
  readonly data: "mixed" | "downstream";
  /** As many epochs as configured, or as many optimizer steps as the mix takes. */
  readonly length: "epochs" | "matched_steps";
}

/** Every arm that is trained; `base` is not. */
export const arms: ReadonlyArray<Arm> = [
  {
    name: "common_one_epoch",
    phrasings: "diversified",
    data: "downstream",
    length: "epochs",
  },
  {
    name: "common_matched_steps",
    phrasings: "diversified",
    data: "downstream",
    length: "matched_steps",
  },
  { name: "one_phrasing_diverse", phrasings: "one", data: "mixed", length: "epochs" },
  { name: "delia", phrasings: "diversified", data: "mixed", length: "epochs" },
];

/** The mixing strategy that the config names. */
export const mixingOf = ({ mixing }: Pick<RunConfig, "mixing">): Mixing => {
  switch (mixing.strategy) {
    case "delia":
      return deliaMixing(mixing);
    case "interleave":
      return interleaveMixing(mixing);
    case "downstream_only":
      return downstreamOnly;
  }
};

// Epoch after epoch, each in an order of its own.
const epochs = (
  mixing: Mixing,
  sizes: MixingSizes,
  count: number,
  seed: number,
): ReadonlyArray<MixedItem> =>
  Array.from({ length: count }, (_, epoch) => mixing.plan(sizes, seed + epoch)).flat();

/** The examples of `arm` in the order of training; optimizer steps follow by the batch size. */
export const orderOf = (
  arm: Arm,
  config: RunConfig,
  sizes: MixingSizes,
  seed: number,
): ReadonlyArray<MixedItem> => {
  const { training } = config;
  const shuffleSeed = config.mixing.shuffleSeed + seed;
  const perStep = training.batchSize * training.accumulationSteps;
  const mixed = epochs(mixingOf(config), sizes, training.epochs, shuffleSeed);
  const mixing = arm.data === "mixed" ? mixingOf(config) : downstreamOnly;
  // A given number of steps is met with full batches, by as many epochs as that takes.
  const steps = training.steps ??
    (arm.length === "matched_steps" ? Math.ceil(mixed.length / perStep) : undefined);
  if (steps === undefined) return epochs(mixing, sizes, training.epochs, shuffleSeed);
  const anEpoch = mixing.plan(sizes, shuffleSeed).length;
  const rounds = anEpoch === 0 ? 0 : Math.ceil(steps * perStep / anEpoch);
  return epochs(mixing, sizes, rounds, shuffleSeed).slice(0, steps * perStep);
};
