/** The result table for the terminal. @module */
import type { ReportedRun } from "../experiments/result.ts";
import { rateNames } from "../experiments/result.ts";
import { claimsOf, verdict } from "./claims.ts";
import {
  distanceColumns,
  formatBytes,
  formatNumber,
  missing,
  rateColumns,
  rateMeanings,
  rateTitle,
  selectivityMeaning,
} from "./columns.ts";
import { paperCaveat, paperNotes, paperRows } from "./paper_numbers.ts";
import { runTime } from "./run_time.ts";
import { type ArmSummary, seedsOf, type Spread, summarise } from "./summary.ts";
import { blocksOf, drawLine, lineWidth, type TextColumn, textColumn } from "./text_columns.ts";
import { wrap } from "./wrap.ts";

/** How the table is shown. */
export interface TableOptions {
  /** Characters a line may have; less than 40 counts as 40. */
  readonly width: number;
  /** Escape codes for bold and dim. Absent: plain text. */
  readonly colour?: boolean;
}

/**
 * The table, what its columns mean, the paper's numbers where a row corresponds, and which claims
 * hold. Where all columns do not fit side by side, the rates come first and the distances after.
 */
export const terminalTable = (result: ReportedRun, options: TableOptions): string => {
  const width = Math.max(40, Math.floor(options.width));
  const arms = summarise(result);
  const rows = arms.flatMap(rowsOfArm);
  const paint: Paint = options.colour === true ? ansi : (_, text) => text;
  const labelWidth = Math.max(3, ...rows.map(({ label }) => label.length));
  const tables = layOut(columnsOf(rows), labelWidth, width)
    .map((block) => render(block, rows, labelWidth, paint));
  return [tables.join("\n\n"), "", ...notes(result, arms, width)].join("\n");
};

type Style = "arm" | "detail";
type Paint = (style: Style, text: string) => string;

const ansi: Paint = (style, text) => `\x1b[${style === "arm" ? 1 : 2}m${text}\x1b[0m`;

/** A line of the table before it has columns. */
interface Row {
  readonly label: string;
  readonly style: Style;
  readonly steps: number | undefined;
  readonly exposures: number | undefined;
  readonly metric: (name: string) => number | undefined;
  /** The paper lacks most numbers: its rows leave those cells empty. */
  readonly paper: boolean;
}

/** The arm; with several seeds least, greatest and each of them; the paper's row. */
const rowsOfArm = (arm: ArmSummary): ReadonlyArray<Row> => {
  const of = (label: string, style: Style, read: (spread: Spread) => number): Row => ({
    label,
    style,
    steps: arm.steps && read(arm.steps),
    exposures: arm.exposures && read(arm.exposures),
    metric: (name) => arm.metrics[name] && read(arm.metrics[name]),
    paper: false,
  });
  const paper = paperRows[arm.name];
  const several = arm.seeds.length > 1;
  return [
    of(arm.label, "arm", ({ mean }) => mean),
    ...(several
      ? [of("  [min,", "detail", ({ min }) => min), of("   max]", "detail", ({ max }) => max)]
      : []),
    ...(several ? arm.seeds : []).map((seed): Row => ({
      label: `  seed ${seed.seed}`,
      style: "detail",
      steps: seed.steps,
      exposures: seed.exposures,
      metric: (name) => seed.metrics[name] ?? undefined,
      paper: false,
    })),
    ...(paper === undefined ? [] : [{
      label: `  paper: ${paper.name}`,
      style: "detail" as const,
      steps: undefined,
      exposures: undefined,
      metric: (name: string) => paper.metrics[name],
      paper: true,
    }]),
  ];
};

/** A column of the table, below the heading of its group. */
interface GroupColumn extends TextColumn {
  readonly group: string;
  /** Distances go to a second block where all does not fit. */
  readonly distance: boolean;
}

const columnsOf = (rows: ReadonlyArray<Row>): ReadonlyArray<GroupColumn> => {
  const column = (
    group: string,
    title: string,
    distance: boolean,
    gap: number,
    cell: (row: Row) => string,
  ): GroupColumn => {
    const cells = rows.map((row) => {
      const text = cell(row);
      return row.paper && text === missing ? "" : text;
    });
    return { group, distance, ...textColumn(title, cells, gap) };
  };
  return [
    column("", "steps", false, 1, ({ steps }) => formatNumber("count", steps)),
    column("", "seen", false, 1, ({ exposures }) => formatNumber("count", exposures)),
    ...[rateColumns, ...distanceColumns].flatMap((group) =>
      group.columns.map(({ metric, title, kind }, index) =>
        column(
          group.title,
          title,
          kind === "distance",
          index === 0 && kind === "distance" ? 2 : 1,
          (row) => formatNumber(kind, row.metric(metric)),
        )
      )
    ),
  ];
};

/**
 * All in one block if it fits, else rates and distances apart, each in as many as it needs: distances
 * to one word then share no block with those to another, so that a heading stands over each.
 */
const layOut = (
  columns: ReadonlyArray<GroupColumn>,
  labelWidth: number,
  width: number,
): ReadonlyArray<ReadonlyArray<GroupColumn>> => {
  const fits = (some: ReadonlyArray<GroupColumn>): boolean => lineWidth(labelWidth, some) <= width;
  if (fits(columns)) return [columns];
  const rates = columns.filter(({ distance }) => !distance);
  const distances = columns.filter(({ distance }) => distance);
  const words = fits(distances)
    ? [distances]
    : [...Map.groupBy(distances, ({ group }) => group).values()];
  return [rates, ...words].flatMap((some) => blocksOf(some, labelWidth, width));
};

const render = (
  columns: ReadonlyArray<GroupColumn>,
  rows: ReadonlyArray<Row>,
  labelWidth: number,
  paint: Paint,
): string => {
  const line = (label: string, cell: (column: GroupColumn) => string): string =>
    drawLine(label, labelWidth, columns, cell);
  const titles = line("arm", ({ title }) => title);
  const rule = "─".repeat(lineWidth(labelWidth, columns));
  const body = rows.flatMap(({ label, style, paper }, index) =>
    paper && columns.every(({ cells }) => cells[index] === "")
      ? []
      : [paint(style, line(label, ({ cells }) => cells[index] ?? missing))]
  );
  return [groupTitles(labelWidth, columns), titles, rule, ...body].join("\n");
};

/**
 * The headings above the column titles, each at the left of its columns if it fits there; of a lone
 * group, whose heading may reach over the labels, else at the right.
 */
const groupTitles = (labelWidth: number, columns: ReadonlyArray<GroupColumn>): string => {
  let text = " ".repeat(labelWidth);
  const groups = [...Map.groupBy(columns, ({ group }) => group)];
  for (const [group, own] of groups) {
    const gap = own[0]?.gap ?? 1;
    const width = lineWidth(0, own) - gap;
    const title = group.length <= width ? group : group.split(" (")[0] ?? "";
    if (title.length > width && groups.length === 1) {
      return title.padStart(lineWidth(labelWidth, columns));
    }
    text += " ".repeat(gap) + (title.length <= width ? title : "").padEnd(width);
  }
  return text.trimEnd();
};

const notes = (
  result: ReportedRun,
  arms: ReadonlyArray<ArmSummary>,
  width: number,
): ReadonlyArray<string> => {
  const token = result.config.newToken.token;
  const seeds = seedsOf(result);
  const list = (first: string, text: string) => wrap(`${first}${text}`, width, first.length);
  return [
    ...wrap(
      seeds.length > 1
        ? `Rows of arms are means over the seeds ${seeds.join(", ")}; below them the least, the ` +
          "greatest and every seed."
        : `One seed (${seeds.join("")}); --seeds 5 shows how much the numbers vary.`,
      width,
    ),
    ...rateNames.flatMap((rate) => list(`${rateTitle(rate)} `, rateMeanings[rate])),
    ...wrap(
      `select. = ${selectivityMeaning}. seen: downstream examples, repetitions counted.`,
      width,
    ),
    ...wrap(
      `L2: hidden state of ${token} to that of the word in its place, after the first, ` +
        "middle and last block.",
      width,
    ),
    "",
    ...wrap(`${paperCaveat}.`, width),
    ...paperNotes.flatMap((note) => wrap(note, width)),
    "",
    "In this run:",
    ...claimsOf(arms, token).flatMap((claim) =>
      list("- ", `${claim.topic}: ${verdict(claim).toUpperCase()}. ${claim.text}`)
    ),
    "",
    ...wrap(costOf(result), width),
  ];
};

const costOf = ({ preset = "A run", device, seconds, legs, peakGpuBytes }: ReportedRun): string =>
  seconds === undefined || peakGpuBytes === undefined
    ? "The run is not finished: what it took is not known yet."
    : `${preset} on ${device}: ${runTime(seconds, legs)}, peak GPU memory ` +
      `${formatBytes(peakGpuBytes)} (${peakGpuBytes} bytes)`;
