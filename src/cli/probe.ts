/** `probe`: measures the buffering effect; the same as `experiment probe`. @module */
import { probe } from "../experiments/protocols/probe.ts";
import {
  experimentRunFlags,
  type ExperimentRunOptions,
  type ExperimentSettings,
} from "./experiment.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

const help: VerbHelp<"probe"> = {
  name: "probe",
  description: "Measure the gradients of task, diverse and ideal data while training",
  examples: [
    { command: "deno task delia probe", description: "DELIA and common tuning, five seeds" },
    { command: "deno task delia probe --quick", description: "One seed and few diverse examples" },
  ],
};

/** The verb around the work that `run` does on an experiment. */
export const probeVerb = <E, R>(
  run: Run<ExperimentSettings, E, R>,
): Verb<"probe", ExperimentRunOptions, E, R> =>
  verb(help, experimentRunFlags, (options) => run({ ...options, experiment: probe }));
