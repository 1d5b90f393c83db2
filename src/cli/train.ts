/** `train`: the main job. Trains every arm of the config and compares them. @module */
import { type ConfigOptions, trainingFlags } from "./config_options.ts";
import { type Flags, json, orUndefined, out, resume } from "./flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `train`. */
export interface TrainOptions extends ConfigOptions {
  readonly json: boolean;
  /** Run folder to make; undefined: one under `runs/`. */
  readonly out: string | undefined;
  /** Run folder to go on with. */
  readonly resume: string | undefined;
}

const flags: Flags<TrainOptions> = {
  ...trainingFlags,
  json,
  out: orUndefined(out("DIR", "Run folder to make")),
  resume,
};

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
  ],
};

/** The verb around the work that `run` does. */
export const trainVerb = <E, R>(run: Run<TrainOptions, E, R>): Verb<"train", TrainOptions, E, R> =>
  verb(help, flags, run);
