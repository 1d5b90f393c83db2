/** The work behind `report`: read the folders, compare, write the page. @module */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import * as Terminal from "effect/Terminal";
import { kindOf, type ReadRun, readRuns } from "../experiments/read_run.ts";
import { RunFolderError } from "../experiments/run_folder_error.ts";
import type { GpuError } from "../gpu/gpu.ts";
import type { HubError } from "../hub/hub_error.ts";
import type { ModelError } from "../models/model_error.ts";
import { compareRuns, type Comparison, findingsOfRun } from "../report/comparison.ts";
import { renderComparison } from "../report/comparison_report.ts";
import { comparisonText } from "../report/comparison_text.ts";
import { renderExperiment } from "../report/experiment_report.ts";
import { findingsText } from "../report/findings_text.ts";
import { renderReport } from "../report/report.ts";
import { rooflineText } from "../report/roofline_text.ts";
import { terminalTable } from "../report/terminal_table.ts";
import type { Roofline } from "../roofline/measure_step.ts";
import { rooflineFile } from "../roofline/roofline_file.ts";
import { writeFiles } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { ReportOptions } from "./report.ts";
import { measureRun } from "./run_roofline.ts";

/** What `report` says; the document is of the same shape for one run and for many. */
export interface ReportOutcome {
  readonly text: string;
  readonly document: Comparison & { readonly report: string };
}

type Services = FileSystem.FileSystem | Path.Path | Stdio.Stdio | Terminal.Terminal;

/**
 * Compares the runs of `folders` and writes `report.html`; with `roofline` measures a step of the one run and
 * keeps that in its folder.
 */
export const runReport = (
  { runs: folders, out, roofline }: ReportOptions,
): Effect.Effect<
  ReportOutcome,
  RunFolderError | WeightsError | HubError | ModelError | GpuError,
  Services
> =>
  Effect.gen(function* () {
    const runs = (yield* Effect.forEach(folders, readRuns)).flat();
    const kinds = runs.map((run) => ({ folder: run.folder, kind: kindOf(run) }));
    if (new Set(kinds.map(({ kind }) => kind)).size > 1) {
      return yield* new RunFolderError({ reason: { _tag: "MixedKinds", kinds } });
    }
    if (runs.every(({ done }) => done === 0)) {
      return yield* new RunFolderError({ reason: { _tag: "NothingDone", folders } });
    }
    const [only, another] = runs;
    if (roofline && another !== undefined) {
      return yield* new RunFolderError({ reason: { _tag: "OneWanted", found: runs.length } });
    }
    const width = yield* terminalWidth;
    const comparison = compareRuns(runs);
    const alone = another === undefined;
    const directory = out ?? (alone ? only!.folder : `runs/comparison-${yield* stamp}`);
    const measured = roofline ? yield* measureRun(only!) : only!.roofline;
    const page = alone ? yield* remadePage(only!, measured) : yield* renderComparison(comparison);
    if (roofline) yield* writeFiles(only!.folder, { [rooflineFile]: JSON.stringify(measured) });
    yield* writeFiles(directory, { "report.html": page });
    const text = alone
      ? [
        remadeText(only!, width),
        ...comparison.notes,
        ...roofline && measured ? [rooflineText(measured)] : [],
      ].join("\n\n")
      : comparisonText(comparison, width);
    const report = `${directory}/report.html`;
    return { text: `\n${text}\n\nReport: ${report}`, document: { ...comparison, report } };
  });

const terminalWidth = Effect.gen(function* () {
  const terminal = yield* Terminal.Terminal;
  return Math.max(40, (yield* terminal.columns) || 100);
});

const stamp = Effect.map(
  Clock.currentTimeMillis,
  (now) => new Date(now).toISOString().slice(0, 19).replaceAll(":", "-"),
);

const remadePage = (run: ReadRun, roofline: Roofline | undefined): Effect.Effect<string> =>
  run.kind === "train"
    ? renderReport({ ...run.ending, config: run.config, arms: run.arms }, run.metrics, roofline)
    : renderExperiment(run.experiment, {
      ...{ config: run.config, records: run.records, findings: findingsOfRun(run) },
      ...run.ending,
      ...roofline ? { roofline } : {},
    });

const remadeText = (run: ReadRun, width: number): string =>
  run.kind === "train"
    ? terminalTable({ ...run.ending, config: run.config, arms: run.arms }, { width })
    : findingsText(run.experiment, findingsOfRun(run), width);
