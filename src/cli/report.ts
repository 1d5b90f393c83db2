/** `report`: compares finished runs, or makes the report of one anew. @module */
import * as Argument from "effect/cli/Argument";
import * as Flag from "effect/cli/Flag";
import { type Flags, json, orUndefined, out } from "./flags.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `report`. */
export interface ReportOptions {
  readonly json: boolean;
  /** Folders of runs of one kind, or of sweeps. */
  readonly runs: ReadonlyArray<string>;
  /** Folder for `report.html`; undefined: the run's own, of several one under `runs/`. */
  readonly out: string | undefined;
  /** Measure a training step of the run on this machine's adapter, for its report. */
  readonly roofline: boolean;
}

const flags: Flags<ReportOptions> = {
  runs: Argument.String("run").pipe(
    Argument.withDescription("Run folders of train, or of one experiment; or a sweep's folder"),
    Argument.variadic({ min: 1 }),
  ),
  out: orUndefined(out("DIR", "Folder for report.html (of one run its own)")),
  roofline: Flag.Boolean("roofline").pipe(
    Flag.withDescription("Of one run: time the kernels of its training step, for its report"),
    Flag.withDefault(false),
  ),
  json,
};

const help: VerbHelp<"report"> = {
  name: "report",
  description: "Compare runs: tables, settings that differ, claims; of one run remake its report",
  examples: [
    { command: "deno task delia report runs/a runs/b", description: "Two runs side by side" },
    { command: "deno task delia report runs/a", description: "Remake runs/a/report.html" },
    {
      command: "deno task delia report runs/a --roofline",
      description: "The same with a step's kernels beside what this adapter can do",
    },
  ],
};

/** The verb around the work that `run` does. */
export const reportVerb = <E, R>(
  run: Run<ReportOptions, E, R>,
): Verb<"report", ReportOptions, E, R> => verb(help, flags, run);
