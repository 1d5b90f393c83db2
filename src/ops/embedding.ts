/** Embedding: looks up a row of a table for each token, in whatever format the row's shard is stored. @module */
import bf16Source from "../../kernels/embedding_bf16.wgsl" with { type: "text" };
import f16Source from "../../kernels/embedding_f16.wgsl" with { type: "text" };
import q8Source from "../../kernels/embedding_q8.wgsl" with { type: "text" };
import scatterSource from "../../kernels/scatter_rows.wgsl" with { type: "text" };
import source from "../../kernels/embedding.wgsl" with { type: "text" };
import { inFours } from "../gpu/fours.ts";
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Binding, Kernel } from "../gpu/kernel.ts";
import { isPacked } from "./unpack.ts";
import type { VocabularyTable } from "./vocabulary_table.ts";

type Lookup = "rows" | "hidden" | "firstId" | "ids" | "vocab" | "scale";

const params = {
  rows: "u32",
  hidden: "u32",
  firstId: "u32",
  ids: "u32",
  vocab: "u32",
  scale: "f32",
} as const;

const tokens: Binding<Lookup> = { access: "in", dtype: "u32", shape: ({ rows }) => [rows] };
const x: Binding<Lookup> = { access: "inout", shape: ({ rows, hidden }) => [rows, hidden] };
const words: Binding<"words"> = { access: "in", dtype: "u32", shape: ({ words }) => [words] };

const workgroups = ({ rows, hidden }: Readonly<Record<Lookup, number>>): number =>
  Math.ceil(rows * hidden / 256);

/** Binding of `kernels/embedding.wgsl`. */
export const embeddingKernel: Kernel<"table" | "tokens" | "x", Lookup> = {
  name: "embedding",
  source,
  params,
  bindings: { table: { access: "in", shape: ({ ids, hidden }) => [ids, hidden] }, tokens, x },
  workgroups,
};

const embeddingFours = inFours(embeddingKernel, "elements");

/** Binding of `kernels/embedding_f16.wgsl`. */
export const embeddingF16Kernel: Kernel<"words" | "tokens" | "x", Lookup | "words"> = {
  name: "embedding_f16",
  source: f16Source,
  params: { ...params, words: "u32" },
  bindings: { words, tokens, x },
  workgroups,
};

/** Binding of `kernels/embedding_bf16.wgsl`. */
export const embeddingBf16Kernel: typeof embeddingF16Kernel = {
  ...embeddingF16Kernel,
  name: "embedding_bf16",
  source: bf16Source,
};

/** Binding of `kernels/embedding_q8.wgsl`. */
export const embeddingQ8Kernel: Kernel<
  "words" | "scales" | "tokens" | "x",
  Lookup | "words" | "scales"
> = {
  name: "embedding_q8",
  source: q8Source,
  params: { ...params, words: "u32", scales: "u32" },
  bindings: { words, scales: { access: "in", shape: ({ scales }) => [scales] }, tokens, x },
  workgroups,
};

/** Binding of `kernels/scatter_rows.wgsl`. */
export const scatterRowsKernel: Kernel<
  "rows" | "rowIds" | "table",
  "ids" | "hidden" | "firstId" | "count"
> = {
  name: "scatter_rows",
  source: scatterSource,
  params: { ids: "u32", hidden: "u32", firstId: "u32", count: "u32" },
  bindings: {
    rows: { access: "in", shape: ({ ids, hidden }) => [ids, hidden] },
    rowIds: { access: "in", dtype: "u32", shape: ({ ids }) => [ids] },
    table: { access: "inout", shape: ({ count, hidden }) => [count, hidden] },
  },
  workgroups: ({ ids, hidden }) => Math.ceil(ids * hidden / 256),
};

/**
 * `tokens [rows]` u32 → `x [rows, hidden]`: `scale` (1 unless told) times their rows of `table`. A token
 * past the table is read as its last id.
 */
export const embed = (
  pass: Pass,
  { vocab, hidden, shards }: VocabularyTable,
  tokens: Tensor,
  scale = 1,
): Tensor => {
  const [rows = 0] = tokens.shape;
  const x = pass.tensor([rows, hidden]);
  for (const { from, to, rows: stored } of shards) {
    const lookup = { rows, hidden, firstId: from, ids: to - from, vocab, scale };
    if (!isPacked(stored)) {
      const kernel = hidden % 4 === 0 ? embeddingFours : embeddingKernel;
      pass.dispatch(kernel, lookup, { table: stored, tokens, x });
      continue;
    }
    const { format, words, scales } = stored;
    const packed = { ...lookup, words: words.shape[0]! };
    if (format === "q8") {
      const withScales = { ...packed, scales: scales!.shape[0]! };
      pass.dispatch(embeddingQ8Kernel, withScales, { words, scales: scales!, tokens, x });
    } else {
      const kernel = format === "f16" ? embeddingF16Kernel : embeddingBf16Kernel;
      pass.dispatch(kernel, packed, { words, tokens, x });
    }
  }
  return x;
};

/**
 * Overwrites the rows `rowIds [n]` of `table` with `rows [n, hidden]`. Only f32 shards are written: an
 * id that lies in a packed one, or past the table, is left out.
 */
export const scatterRows = (
  pass: Pass,
  rows: Tensor,
  rowIds: Tensor,
  { shards }: VocabularyTable,
): void => {
  const [ids = 0, hidden = 0] = rows.shape;
  if (shards.every(({ rows }) => isPacked(rows))) {
    throw new RangeError(
      "Expected a shard in f32, as loadDecoder makes for its newIds, but all are packed",
    );
  }
  for (const { from, to, rows: table } of shards) {
    if (isPacked(table)) continue;
    const params = { ids, hidden, firstId: from, count: to - from };
    pass.dispatch(scatterRowsKernel, params, { rows, rowIds, table });
  }
};

/** `scale` times the rows of `table` that `tokens` name, in f64. */
export const embedReference = (
  table: ArrayLike<number>,
  tokens: ArrayLike<number>,
  hidden: number,
  scale = 1,
): Float64Array =>
  Float64Array.from(
    { length: tokens.length * hidden },
    (_, i) => scale * table[tokens[Math.floor(i / hidden)]! * hidden + i % hidden]!,
  );
