/** What `tune` measured, as a table for the terminal. @module */
import type { TunedProduct } from "../tuning/tune_product.ts";
import { drawLine, textColumn } from "./text_columns.ts";

// The others are in the document of --json.
const shown = 4;

/**
 * A line a class of products (rows × depth × columns): what is taken, GFLOP/s, times as fast as the
 * built-in table's choice, and the fastest candidates.
 */
export const tuningTable = (tuned: ReadonlyArray<TunedProduct>): string => {
  const labels = tuned.map((one) => one.class);
  const labelWidth = Math.max("class".length, ...labels.map(({ length }) => length));
  const cells = (cell: (one: TunedProduct) => string) => tuned.map(cell);
  const columns = [
    textColumn("chosen", cells(({ configuration }) => configuration), 2),
    textColumn("GFLOP/s", cells(({ gflops }) => rate(gflops)), 2),
    textColumn("gain", cells(({ gain }) => `${gain.toFixed(2)}×`), 2),
    textColumn("built-in", cells(({ builtIn }) => builtIn), 2),
  ];
  const fastest = ({ candidates }: TunedProduct): string =>
    candidates.slice(0, shown).map(({ name, gflops }) => `${name} ${rate(gflops)}`).join(", ") +
    (candidates.length > shown ? `, ${candidates.length - shown} more` : "");
  return [
    `${drawLine("class", labelWidth, columns, ({ title }) => title)}  candidates`,
    ...tuned.map((one, row) =>
      `${drawLine(one.class, labelWidth, columns, ({ cells }) => cells[row]!)}  ${fastest(one)}`
    ),
  ].join("\n");
};

const rate = (gflops: number): string => gflops < 10 ? gflops.toFixed(1) : gflops.toFixed(0);
