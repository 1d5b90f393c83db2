/** `train`: the main job. Trains every arm of the config and compares them. @module */
import { runFlags, type RunOptions } from "./run_flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `train`. */
export type TrainOptions = RunOptions;

const help: VerbHelp<"train"> = {
  name: "train",
  description: "Train every arm of the config and compare them",
  examples: [
    { command: "deno task train", description: "All arms on the base model that is shipped" },
    { command: "deno task train --seeds 5 --set lora.rank=8", description: "Other settings" },
    {
      command: "deno task train --model DIR --data chats.jsonl --diverse diverse.jsonl",
      description: "A model and data of your own; `sample` makes the diverse chats",
    },
    {
      command: "deno task train --resume runs/mine",
      description: "Go on after an interruption, with the settings of the run",
    },
  ],
};

/** The verb around the work that `run` does. */
export const trainVerb = <E, R>(run: Run<TrainOptions, E, R>): Verb<"train", TrainOptions, E, R> =>
  verb(help, runFlags, run);
