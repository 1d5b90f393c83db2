/** What the rows of a new token begin as. @module */
import { randomNormal } from "../gpu/random.ts";
import type { InitRecipe } from "../config/new_token_config.ts";

/** A table of trained rows `[vocab, hidden]`, row-major. */
export interface TrainedTable {
  readonly data: Float32Array;
  readonly vocab: number;
  readonly hidden: number;
}

/** What some of the recipes need beside the table. */
export interface RowOptions {
  readonly seed: number;
  /** Tells the rows of several new tokens apart. */
  readonly stream: number;
  /** Deviation of `normal`: the model's `initializer_range`. */
  readonly initializerRange: number;
  /** Tokens of the description: what `mean_of_description` averages, and `copy` takes the first of. */
  readonly description?: ReadonlyArray<number>;
}

/** Mean row of `ids`, or of the whole table: `[hidden]`. */
export const meanRow = (
  { data, vocab, hidden }: TrainedTable,
  ids: ReadonlyArray<number> = Array.from({ length: vocab }, (_, id) => id),
): Float32Array<ArrayBuffer> => {
  const sums = new Float64Array(hidden);
  for (const id of ids) for (let i = 0; i < hidden; i++) sums[i]! += data[id * hidden + i]!;
  return Float32Array.from(sums, (sum) => sum / ids.length);
};

const deviationOf = ({ data, vocab, hidden }: TrainedTable): { mean: number; std: number } => {
  const size = vocab * hidden;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < size; i++) {
    sum += data[i]!;
    squares += data[i]! ** 2;
  }
  const mean = sum / size;
  return { mean, std: Math.sqrt(Math.max(0, squares / size - mean ** 2)) };
};

// A draw of N(mean row, 1e-5 · covariance) without forming the covariance: the rows' deviations from
// their mean, weighted by independent normals, have exactly that covariance.
const hewittRow = (table: TrainedTable, { seed, stream }: RowOptions): Float32Array => {
  const { data, vocab, hidden } = table;
  const row = Float64Array.from(meanRow(table));
  const mean = Float64Array.from(row);
  for (let id = 0; id < vocab; id++) {
    const weight = randomNormal(seed, stream, id) * Math.sqrt(1e-5 / vocab);
    for (let i = 0; i < hidden; i++) row[i]! += weight * (data[id * hidden + i]! - mean[i]!);
  }
  return Float32Array.from(row);
};

/** The first value of a new token's row by `recipe`: `[hidden]`. */
export const initialRow = (
  recipe: InitRecipe,
  table: TrainedTable,
  options: RowOptions,
): Float32Array => {
  const { hidden } = table;
  const { seed, stream, initializerRange, description = [] } = options;
  const drawn = (mean: number, std: number): Float32Array =>
    Float32Array.from({ length: hidden }, (_, i) => mean + std * randomNormal(seed, stream, i));
  switch (recipe) {
    case "normal":
      return drawn(0, initializerRange);
    case "unit_normal":
      return drawn(0, 1);
    case "matched_normal": {
      const { mean, std } = deviationOf(table);
      return drawn(mean, std);
    }
    case "hewitt":
      return hewittRow(table, options);
    case "mean_of_description":
      return meanRow(table, description);
    case "copy":
      return meanRow(table, description.slice(0, 1));
    case "zero":
      return new Float32Array(hidden);
  }
};
