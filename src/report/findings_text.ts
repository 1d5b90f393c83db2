/** The findings of an experiment as text for a terminal of any width. @module */
import type { Experiment, Findings } from "../experiments/experiment.ts";
import type { ColumnKind, Estimate, Table, TableRow } from "../experiments/presentation.ts";
import { blocksOf, drawLine, type TextColumn, textColumn } from "./text_columns.ts";
import { wrap } from "./wrap.ts";

/** A number as its column shows it, without its interval. */
export const formatValue = (kind: ColumnKind, value: number): string => {
  switch (kind) {
    case "rate":
    case "signed":
      return value.toFixed(2);
    case "distance":
      return value.toFixed(value < 1 ? 2 : 1);
    case "count":
    case "text":
      return Number.isInteger(value) ? String(value) : value.toPrecision(3);
  }
};

/** `0.94 [0.85, 1.00]`; the interval is left out where it is no wider than the number. */
export const formatEstimate = (kind: ColumnKind, { value, low, high }: Estimate): string => {
  const [shown, from, to] = [value, low ?? value, high ?? value].map((it) => formatValue(kind, it));
  return from === shown && to === shown ? shown! : `${shown} [${from}, ${to}]`;
};

/** A cell as text; what is missing is a dash. */
export const formatCell = (kind: ColumnKind, cell: TableRow["cells"][number]): string =>
  cell === undefined ? "–" : typeof cell === "string" ? cell : formatEstimate(kind, cell);

/** Title, protocol, tables and claims, no line longer than `width` where words allow it. */
export const findingsText = (
  { title, paper, protocol, deviations }: Experiment,
  findings: Findings,
  width: number,
): string => {
  const list = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
    texts.flatMap((text) => wrap(`- ${text}`, width, 2));
  return [
    ...wrap(`${title} (${paper})`, width),
    ...findings.tables.flatMap((table) => ["", ...tableLines(table, width)]),
    "",
    "Claims:",
    ...findings.claims.flatMap(({ claim, verdict, text }) =>
      wrap(`- ${claim}: ${verdict.toUpperCase()}. ${text}`, width, 2)
    ),
    "",
    "Protocol:",
    ...list(protocol),
    "Differences from the paper's:",
    ...list(deviations),
  ].join("\n");
};

/**
 * A table as lines; one that is too wide is shown as one block of columns after the other, and what is
 * too wide for a block is folded.
 */
export const tableLines = (
  { title, notes, columns, rows }: Table,
  width: number,
): ReadonlyArray<string> => {
  const labels = rows.map(({ label, paper }) => paper ? `  ${label}` : label);
  const labelWidth = Math.min(
    Math.floor(width / 2),
    Math.max(...labels.map(({ length }) => length), 3),
  );
  const shown = columns.map(({ title, kind }, column) => {
    const texts = rows.map(({ paper, cells }) => {
      const cell = cells[column];
      return cell === undefined && paper ? "" : formatCell(kind, cell);
    });
    return foldedColumn(title, texts, width - labelWidth);
  });
  const draw = (
    label: string,
    block: ReadonlyArray<FoldedColumn>,
    linesOf: (column: FoldedColumn) => ReadonlyArray<string>,
  ): ReadonlyArray<string> => {
    const folded = fold(label, labelWidth, 2);
    const height = Math.max(1, folded.length, ...block.map((column) => linesOf(column).length));
    return Array.from(
      { length: height },
      (_, at) =>
        drawLine(folded[at] ?? "", labelWidth, block, (column) => linesOf(column)[at] ?? ""),
    );
  };
  return [
    ...wrap(title, width),
    ...blocksOf(shown, labelWidth, width).flatMap((block) => [
      ...draw("", block, ({ head }) => head),
      ...labels.flatMap((label, row) => draw(label, block, ({ body }) => body[row]!)),
      "",
    ]).slice(0, -1),
    ...notes.flatMap((note) => wrap(note, width)),
  ];
};

/** A column whose title and cells are lines, one below the other. */
interface FoldedColumn extends TextColumn {
  readonly head: ReadonlyArray<string>;
  readonly body: ReadonlyArray<ReadonlyArray<string>>;
}

const gap = 2;

// Numbers stand at the right of their column; text of several lines reads from the left.
const foldedColumn = (
  title: string,
  texts: ReadonlyArray<string>,
  room: number,
): FoldedColumn => {
  const [head, ...body] = [title, ...texts].map((text) => fold(text, room - gap, 0));
  const folded = [head!, ...body].some(({ length }) => length > 1);
  const column = textColumn("", [...head!, ...body.flat()], gap);
  const place = (lines: ReadonlyArray<string>) =>
    folded ? lines.map((line) => line.padEnd(column.width)) : lines;
  return { ...column, head: place(head!), body: body.map(place) };
};

/** `text` in lines of `width`, its own margin before each. */
const fold = (text: string, width: number, indent: number): ReadonlyArray<string> => {
  if (text.length <= width) return [text];
  const words = text.trimStart();
  const margin = text.slice(0, text.length - words.length);
  return wrap(words, width - margin.length, indent).map((line) => margin + line);
};
