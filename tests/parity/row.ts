/** One line of the parity table. @module */

/** A comparison of one golden's model with the reference. */
export interface Row {
  /** The golden. */
  readonly name: string;
  readonly measure: string;
  /** The worst: largest difference over the largest magnitude; of ids, how many differ. */
  readonly error: number;
  readonly limit: number;
}

/** Whether the row keeps its limit; NaN does not. */
export const holds = ({ error, limit }: Row): boolean => error <= limit;

/** One line a row, aligned. */
export const tableOf = (rows: ReadonlyArray<Row>): string => {
  const cells = rows.map((row) => [
    row.name,
    row.measure,
    row.error === 0 ? "0" : row.error.toExponential(1),
    row.limit === 0 ? "0" : row.limit.toExponential(0),
    holds(row) ? "" : "OVER",
  ]);
  const all = [["model", "measure", "worst error", "limit", ""], ...cells];
  const widths = all[0]!.map((_, col) => Math.max(...all.map((line) => line[col]!.length)));
  return all.map((line) => line.map((cell, col) => cell.padEnd(widths[col]!)).join("  ").trimEnd())
    .join("\n");
};
