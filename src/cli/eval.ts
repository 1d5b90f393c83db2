/** `eval`: the loss of a model, with or without an adapter, on chats. @module */
import { adapter, data, type Flags, json, metrics, model } from "./flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `eval`. */
export interface EvalOptions {
  readonly json: boolean;
  readonly model: string;
  readonly adapter: string | undefined;
  readonly data: string;
  /** Metrics asked for besides the loss. */
  readonly metrics: ReadonlyArray<string>;
}

const flags: Flags<EvalOptions> = { json, model, adapter, data, metrics };

const help: VerbHelp<"eval"> = {
  name: "eval",
  description: "Measure the loss of a model on chats",
  examples: [{
    command: "deno task delia eval --model fixtures/base --adapter runs/x/adapter --data t.jsonl",
    description: "With an adapter",
  }],
};

/** The verb around the work that `run` does. */
export const evalVerb = <E, R>(run: Run<EvalOptions, E, R>): Verb<"eval", EvalOptions, E, R> =>
  verb(help, flags, run);
