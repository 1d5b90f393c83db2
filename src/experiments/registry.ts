/** The experiments, by the name that the command line takes. @module */
import type { Experiment } from "./experiment.ts";
import { ablation } from "./protocols/ablation.ts";

/** Every experiment. */
export const experiments: ReadonlyArray<Experiment> = [ablation];
