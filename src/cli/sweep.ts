/** `sweep`: the same run with every combination of some settings. @module */
import * as Argument from "effect/cli/Argument";
import * as Flag from "effect/cli/Flag";
import { type Flags, json, orUndefined, out, path, seeds } from "./flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `sweep`. */
export interface SweepOptions {
  readonly json: boolean;
  /** Texts `path=value,value,…`. */
  readonly grid: ReadonlyArray<string>;
  /** Repetitions of every point; those of its settings unless told. */
  readonly seeds: number | undefined;
  /** Folder of the sweep; undefined: one under `runs/`. */
  readonly out: string | undefined;
  /** Folder of a sweep to go on with. */
  readonly resume: string | undefined;
  /** What is run at every point, as on the command line: `train`, unless told, with its options. */
  readonly words: ReadonlyArray<string>;
}

const flags: Flags<SweepOptions> = {
  grid: Flag.String("grid").pipe(
    Flag.withMetavar("path=value,…"),
    Flag.withDescription("A setting and its values; may be repeated for every combination"),
    Flag.atLeast(0),
  ),
  seeds,
  out: orUndefined(out("DIR", "Folder of the sweep, with a run folder a point")),
  resume: orUndefined(path("resume", "DIR", "Folder of a sweep to go on with")),
  json,
  words: Argument.String("verb").pipe(
    Argument.withDescription("After --: train (the default), experiment or probe, and its options"),
    Argument.variadic(),
  ),
};

const help: VerbHelp<"sweep"> = {
  name: "sweep",
  description: "Run every combination of some settings, then compare them as report does",
  examples: [
    {
      command: "deno task delia sweep --grid optimizer.learningRate=1e-3,5e-3 " +
        "--grid mixing.diverseRatio=4,12 --seeds 3",
      description: "Four runs of train, three seeds each",
    },
    {
      command: "deno task delia sweep --grid lora.rank=4,16 -- experiment ablation --quick",
      description: "An experiment at two ranks",
    },
  ],
};

/** The verb around the work that `run` does. */
export const sweepVerb = <E, R>(
  run: Run<SweepOptions, E, R>,
): Verb<"sweep", SweepOptions, E, R> => verb(help, flags, run);
