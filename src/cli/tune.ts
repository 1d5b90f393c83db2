/** `tune`: measures which kernels multiply fastest for a model on this adapter, and remembers it. @module */
import { settingFlags, type SettingOptions } from "./config_options.ts";
import { type Flags, json, model, orUndefined } from "./flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `tune`. */
export interface TuneVerbOptions extends SettingOptions {
  readonly model: string | undefined;
  readonly json: boolean;
}

const flags: Flags<TuneVerbOptions> = {
  ...settingFlags,
  json,
  model: orUndefined(model),
};

const help: VerbHelp<"tune"> = {
  name: "tune",
  description: "Measure the kernels of matrix products on this adapter, for later runs",
  examples: [
    { command: "deno task delia tune", description: "For the base model that is shipped" },
    {
      command: "deno task delia tune --model DIR --set training.maxTokens=1024",
      description: "For a model and a length of your own",
    },
  ],
};

/** The verb around the work that `run` does. */
export const tuneVerb = <E, R>(
  run: Run<TuneVerbOptions, E, R>,
): Verb<"tune", TuneVerbOptions, E, R> => verb(help, flags, run);
