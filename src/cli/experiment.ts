/** `experiment`: runs a protocol of the paper, with the controls that it lacks. @module */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Argument from "effect/cli/Argument";
import * as Flag from "effect/cli/Flag";
import type { Experiment } from "../experiments/experiment.ts";
import { experiments } from "../experiments/registry.ts";
import { type Flags, orUndefined, path } from "./flags.ts";
import { runFlags, type RunOptions } from "./run_flags.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import { type Outcome, type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** How to run one experiment. */
export interface ExperimentSettings extends Omit<RunOptions, "initAdapter"> {
  /** Files of the user's own, beside `data` and `diverse`. */
  readonly test?: string | undefined;
  readonly questions?: string | undefined;
  readonly phrasings?: string | undefined;
  readonly experiment: Experiment;
  /** Fewer seeds, items and steps: a short look. */
  readonly quick: boolean;
}

/** How to run an experiment that is known already. */
export type ExperimentRunOptions = Omit<ExperimentSettings, "experiment">;

/** Options of `experiment`. */
export interface ExperimentOptions extends ExperimentRunOptions {
  readonly name: string | undefined;
  readonly list: boolean;
}

const { initAdapter: _initAdapter, ...settings } = runFlags;

const file = (name: string, description: string): Flag.Flag<string | undefined> =>
  orUndefined(path(name, "FILE", description));

/** Flags of every verb that runs an experiment. */
export const experimentRunFlags: Flags<ExperimentRunOptions> = {
  quick: Flag.Boolean("quick").pipe(
    Flag.withDescription("Fewer seeds and items: a short look"),
    Flag.withDefault(false),
  ),
  ...settings,
  test: file("test", "With --data: chats of the task to test on, JSONL"),
  questions: file("questions", "With --data: questions that the model answers itself, JSONL"),
  phrasings: file("phrasings", "With --data: phrasings to train on, one a line"),
};

const flags: Flags<ExperimentOptions> = {
  name: Argument.String("name").pipe(
    Argument.withDescription("Which experiment; --list names them"),
    Argument.optional,
    Argument.map(Option.getOrUndefined),
  ),
  list: Flag.Boolean("list").pipe(
    Flag.withDescription("Name the experiments instead of running one"),
    Flag.withDefault(false),
  ),
  ...experimentRunFlags,
};

const help: VerbHelp<"experiment"> = {
  name: "experiment",
  description: "Run a protocol of the paper and write its table, charts and records",
  examples: [
    { command: "deno task delia experiment --list", description: "Name the experiments" },
    {
      command: "deno task delia experiment ablation --quick",
      description: "One seed on small test sets",
    },
    {
      command: "deno task delia experiment formatted_text --model DIR --data task.jsonl " +
        "--test test.jsonl --diverse diverse.jsonl --preset paper-e2-100",
      description: "A model and data of your own",
    },
  ],
};

/** The verb around the work that `run` does on one experiment. */
export const experimentVerb = <E, R>(
  run: Run<ExperimentSettings, E, R>,
): Verb<"experiment", ExperimentOptions, E | UsageError, R> =>
  verb(help, flags, ({ name, list, ...options }): Effect.Effect<Outcome, E | UsageError, R> => {
    if (list && name === undefined) return Effect.succeed(listing);
    const experiment = experiments.find((known) => known.name === name);
    if (experiment && !list) return run({ ...options, experiment });
    const names = experiments.map(({ name }) => name).join(", ");
    return Effect.fail(usageError(
      "experiment",
      list
        ? "Give either a name or --list"
        : name === undefined
        ? `Give the name of an experiment: ${names}`
        : `There is no experiment ${name}; there is ${names}`,
    ));
  });

const listing = {
  text: experiments.map(({ name, paper, title }) => `${name.padEnd(18)} ${paper}: ${title}`)
    .join("\n"),
  document: experiments.map(({ name, paper, title, protocol, deviations }) => ({
    ...{ name, paper, title, protocol, deviations },
  })),
};
