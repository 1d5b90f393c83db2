/** `diversify`: phrases the downstream instruction in many ways. @module */
import { configFlags, type ConfigOptions } from "./config_options.ts";
import { type Flags, json, orUndefined, out } from "./flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `diversify`. */
export interface DiversifyOptions extends ConfigOptions {
  readonly json: boolean;
  /** Text file to write, a phrasing a line; undefined: they are only printed. */
  readonly out: string | undefined;
}

const flags: Flags<DiversifyOptions> = {
  ...configFlags,
  json,
  out: orUndefined(out("FILE", "Text file to write, a phrasing a line")),
};

const help: VerbHelp<"diversify"> = {
  name: "diversify",
  description: "Phrase the downstream instruction in many ways",
  examples: [{
    command: "deno task delia diversify --set data.phrasingCount=20",
    description: "Twenty phrasings of the seeded grammar",
  }],
};

/** The verb around the work that `run` does. */
export const diversifyVerb = <E, R>(
  run: Run<DiversifyOptions, E, R>,
): Verb<"diversify", DiversifyOptions, E, R> => verb(help, flags, run);
