/** `pretrain`: trains the base model of the miniature world from nothing. @module */
import { type Flags, json, orUndefined, out, resume, set } from "./flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `pretrain`. */
export interface PretrainOptions {
  readonly json: boolean;
  /** Settings of a `PretrainConfig`, `path=value`. */
  readonly set: ReadonlyArray<string>;
  /** Model directory to write; undefined: the one that is shipped. */
  readonly out: string | undefined;
  /** Run folder to go on with. */
  readonly resume: string | undefined;
}

const flags: Flags<PretrainOptions> = {
  json,
  set,
  out: orUndefined(out("DIR", "Model directory to write")),
  resume,
};

const help: VerbHelp<"pretrain"> = {
  name: "pretrain",
  description: "Train the base model of the miniature world from nothing",
  examples: [
    { command: "deno task pretrain", description: "The model that is shipped, again" },
    { command: "deno task pretrain --out runs/small --set layers=2", description: "A smaller one" },
  ],
};

/** The verb around the work that `run` does. */
export const pretrainVerb = <E, R>(
  run: Run<PretrainOptions, E, R>,
): Verb<"pretrain", PretrainOptions, E, R> => verb(help, flags, run);
