/** `mix`: writes downstream and diverse data in the order that training takes them. @module */
import { configFlags, type ConfigOptions } from "./config_options.ts";
import { type Flags, json, out } from "./flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `mix`. */
export interface MixOptions extends ConfigOptions {
  readonly json: boolean;
  /** JSONL file to write. */
  readonly out: string;
}

const flags: Flags<MixOptions> = {
  ...configFlags,
  json,
  out: out("FILE", "JSONL file to write"),
};

const help: VerbHelp<"mix"> = {
  name: "mix",
  description: "Write downstream and diverse data in the order that training takes them",
  examples: [{
    command: "deno task delia mix --data task.jsonl --diverse diverse.jsonl --out mixed.jsonl",
    description: "Both files, shuffled together",
  }],
};

/** The verb around the work that `run` does. */
export const mixVerb = <E, R>(run: Run<MixOptions, E, R>): Verb<"mix", MixOptions, E, R> =>
  verb(help, flags, run);
