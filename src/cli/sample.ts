/** `sample`: lets the base model answer prompts, to make diverse data of its own. @module */
import { configFlags, type ConfigOptions } from "./config_options.ts";
import { type Flags, json, orUndefined, out, prompts } from "./flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `sample`. */
export interface SampleOptions extends ConfigOptions {
  readonly json: boolean;
  /** Chats whose last user message is the prompt; undefined: prompts of the miniature world. */
  readonly prompts: string | undefined;
  /** JSONL file that answers are appended to; a second run goes on where the first stopped. */
  readonly out: string;
}

const flags: Flags<SampleOptions> = {
  ...configFlags,
  json,
  prompts: orUndefined(prompts),
  out: out("FILE", "JSONL file to append to; a second run goes on where the first stopped"),
};

const help: VerbHelp<"sample"> = {
  name: "sample",
  description: "Let the base model answer prompts, to make diverse data of its own",
  examples: [{
    command: "deno task delia sample --out runs/diverse.jsonl --set sampling.promptMode=none",
    description: "Answers to prompts of the miniature world",
  }],
};

/** The verb around the work that `run` does. */
export const sampleVerb = <E, R>(
  run: Run<SampleOptions, E, R>,
): Verb<"sample", SampleOptions, E, R> => verb(help, flags, run);
