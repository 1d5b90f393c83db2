/** Holds the whole tables beside an adapter to the base's, and makes what they have more into rows of it. @module */
import { Effect } from "effect";
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "../weights/f16.ts";
import { malformed } from "../weights/files.ts";
import type { Adapter, TrainedRows } from "../weights/stored_adapter.ts";
import { checkShape, type HostTensor, rowRange } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { OpenModel } from "./open_model.ts";

/** What of a model the tables are held to. */
type Base = Pick<OpenModel, "architecture" | "shape" | "weights">;

/** How `actual` misses `expected`, of the adapter in a folder. */
type Refuse = (expected: string, actual: string) => Effect.Effect<never, WeightsError>;

/**
 * The adapter of `directory` without tables. Rows behind the base's vocabulary, and an untied head's
 * rows of the trained tokens, become `rows`; the others must be the base's own, which may have further
 * rows behind the tables' (padding that was cut away in memory) and keeps them. Fails where a table is
 * of another base, where it says of a tied head what its embedding does not, and where neither base nor
 * adapter has a row up to the last id.
 */
export const takeTables: (
  base: Base,
  directory: string,
  adapter: Adapter,
) => Effect.Effect<Adapter, WeightsError> = Effect.fnUntraced(function* (
  base,
  directory,
  { tables = new Map(), rows, ...adapter },
) {
  const refuse: Refuse = (expected, actual) => malformed(directory, "adapter", expected, actual);
  const { architecture: { tensors }, shape } = base;
  const trained = new Map(rows?.tokens.map(({ id }, index) => [id, index]));
  const [input, head] = [tensors.embedding, tensors.head].map((name) => tables.get(pathOf(name)));
  for (const name of [tensors.embedding, tensors.head]) {
    const table = tables.get(pathOf(name));
    if (table) yield* checkTable(base, name, table, trained, refuse);
  }
  if (shape.tiedHead) yield* checkTied(input, head, rows, trained, refuse);

  const [from, to] = [shape.vocab, Math.max(...[input, head].map((it) => it?.shape[0] ?? 0))];
  const further = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
    .filter((id) => !trained.has(id));
  const tokens = [...rows?.tokens ?? [], ...further.map((id) => ({ id }))];
  const behind = tokens.flatMap(({ id }) => id < from ? [] : [id]).sort((a, b) => a - b);
  const lacking = behind.map((_, index) => from + index).find((id, index) => id !== behind[index]);
  if (lacking !== undefined) {
    return yield* refuse(
      `with a row for each token behind the base's ${from}`,
      `without ${lacking}`,
    );
  }
  if (tokens.length === 0) return adapter;

  const rowsOf = (own: HostTensor | undefined, table: HostTensor | undefined) =>
    Effect.forEach(tokens, ({ id }) => {
      const index = trained.get(id);
      if (own && index !== undefined) return Effect.succeed(rowOf(own, index));
      return table && id < table.shape[0]! ? Effect.succeed(rowOf(table, id)) : Effect.fail(id);
    }).pipe(Effect.map((found) => stacked(found, shape.hidden)));
  const lacks = (path: string) => (id: number) =>
    refuse(`with ${path}'s row of each token behind the base's ${from}`, `without that of ${id}`);
  const paths = [pathOf(tensors.embedding), pathOf(tensors.head)] as const;
  const own = yield* rowsOf(rows?.input, input).pipe(Effect.catch(lacks(paths[0])));
  const isSilent = rows?.output === undefined && head === undefined && behind.length === 0;
  if (shape.tiedHead || isSilent) return { ...adapter, rows: { tokens, input: own } };
  const output = yield* rowsOf(rows?.output, head).pipe(Effect.catch(lacks(paths[1])));
  return { ...adapter, rows: { tokens, input: own, output } };
});

const pathOf = (tensor: string): string => tensor.replace(/\.weight$/, "");

/** Rows that are compared at a time. */
const chunk = 4096;

/** Up to the base's last row, each that is not trained is the base's, or that in half precision. */
const checkTable = Effect.fnUntraced(function* (
  { architecture: { tensors }, shape, weights }: Base,
  name: string,
  table: HostTensor,
  trained: ReadonlyMap<number, number>,
  refuse: Refuse,
) {
  const [count = 0] = table.shape;
  yield* checkShape(pathOf(name), table, [count, shape.hidden]);
  const source = shape.tiedHead ? tensors.embedding : name;
  const last = Math.min(count, shape.vocab);
  for (let from = 0; from < last; from += chunk) {
    const rows = { from, to: Math.min(last, from + chunk) };
    const { data } = yield* weights.read(source, [shape.vocab, shape.hidden], rows);
    const { begin, end } = rowRange(table.shape, rows);
    const saved = table.data.subarray(begin, end);
    const differing = (own: Float32Array): number =>
      saved.findIndex((value, at) =>
        value !== own[at] && !trained.has(from + Math.floor(at / shape.hidden))
      );
    const first = differing(data);
    if (first < 0 || differing(bf16ToF32(f32ToBf16(data))) < 0) continue;
    if (differing(f16ToF32(f32ToF16(data))) < 0) continue;
    const row = from + Math.floor(first / shape.hidden);
    return yield* refuse(
      `of a base whose ${pathOf(name)} is this model's`,
      `of another ${pathOf(name)}: row ${row} is not trained and differs`,
    );
  }
});

/** A tied head has the embedding's rows, whatever the folder names them. */
const checkTied = (
  input: HostTensor | undefined,
  head: HostTensor | undefined,
  rows: TrainedRows | undefined,
  trained: ReadonlyMap<number, number>,
  refuse: Refuse,
): Effect.Effect<void, WeightsError> => {
  const differ = (one: HostTensor, other: HostTensor, skipped: ReadonlyMap<number, number>) => {
    const [, hidden = 1] = one.shape;
    return one.shape.join() !== other.shape.join() ||
      one.data.some((value, i) => value !== other.data[i] && !skipped.has(Math.floor(i / hidden)));
  };
  const otherTable = input && head && differ(input, head, trained);
  const otherRows = rows?.output && differ(rows.input, rows.output, new Map());
  return otherTable || otherRows
    ? refuse("of a head that is tied, as the base's is", "with a head of its own")
    : Effect.void;
};

const rowOf = ({ shape: [, cols = 0], data }: HostTensor, row: number): Float32Array =>
  data.subarray(row * cols, (row + 1) * cols);

const stacked = (rows: ReadonlyArray<Float32Array>, cols: number): HostTensor => {
  const data = new Float32Array(rows.length * cols);
  rows.forEach((row, index) => data.set(row, index * cols));
  return { shape: [rows.length, cols], data };
};
