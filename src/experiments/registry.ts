/** The experiments, by the name that the command line takes. @module */
import type { Experiment } from "./experiment.ts";
import { ablation } from "./protocols/ablation.ts";
import { demonstrations } from "./protocols/demonstrations.ts";
import { diverseScale } from "./protocols/diverse_scale.ts";
import { formattedText } from "./protocols/formatted_text.ts";
import { ratioSearch } from "./protocols/ratio_search.ts";

/** Every experiment. */
export const experiments: ReadonlyArray<Experiment> = [
  formattedText,
  ablation,
  diverseScale,
  demonstrations,
  ratioSearch,
];
