/** Embedding: looks up a row of a table for each token, and gathers the gradient of chosen rows. @module */
import gradientSource from "../../kernels/embedding_gradient.wgsl" with { type: "text" };
import linksSource from "../../kernels/embedding_links.wgsl" with { type: "text" };
import scatterSource from "../../kernels/scatter_rows.wgsl" with { type: "text" };
import source from "../../kernels/embedding.wgsl" with { type: "text" };
import { GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/embedding.wgsl`. */
export const embeddingKernel: Kernel<"table" | "tokens" | "x", "rows" | "hidden" | "vocab"> = {
  name: "embedding",
  source,
  params: { rows: "u32", hidden: "u32", vocab: "u32" },
  bindings: {
    table: { access: "in", shape: ({ vocab, hidden }) => [vocab, hidden] },
    tokens: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    x: { access: "out", shape: ({ rows, hidden }) => [rows, hidden] },
  },
  workgroups: ({ rows, hidden }) => Math.ceil(rows * hidden / 256),
};

/** Binding of `kernels/embedding_links.wgsl`. */
export const embeddingLinksKernel: Kernel<
  "tokens" | "rowIds" | "next" | "first",
  "rows" | "ids"
> = {
  name: "embedding_links",
  source: linksSource,
  params: { rows: "u32", ids: "u32" },
  bindings: {
    tokens: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    rowIds: { access: "in", dtype: "u32", shape: ({ ids }) => [ids] },
    next: { access: "out", dtype: "u32", shape: ({ rows }) => [rows] },
    first: { access: "out", dtype: "u32", shape: ({ ids }) => [ids] },
  },
  workgroups: ({ rows, ids }) => Math.ceil((rows + ids) / 64),
};

/** Binding of `kernels/embedding_gradient.wgsl`. */
export const embeddingGradientKernel: Kernel<
  "dX" | "next" | "first" | "dRows",
  "rows" | "hidden" | "ids"
> = {
  name: "embedding_gradient",
  source: gradientSource,
  params: { rows: "u32", hidden: "u32", ids: "u32" },
  bindings: {
    dX: { access: "in", shape: ({ rows, hidden }) => [rows, hidden] },
    next: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    first: { access: "in", dtype: "u32", shape: ({ ids }) => [ids] },
    dRows: { access: "inout", shape: ({ ids, hidden }) => [ids, hidden] },
  },
  workgroups: ({ ids, hidden }) => Math.ceil(ids * hidden / 64),
};

/** Binding of `kernels/scatter_rows.wgsl`. */
export const scatterRowsKernel: Kernel<"rows" | "rowIds" | "table", "ids" | "hidden" | "vocab"> = {
  name: "scatter_rows",
  source: scatterSource,
  params: { ids: "u32", hidden: "u32", vocab: "u32" },
  bindings: {
    rows: { access: "in", shape: ({ ids, hidden }) => [ids, hidden] },
    rowIds: { access: "in", dtype: "u32", shape: ({ ids }) => [ids] },
    table: { access: "inout", shape: ({ vocab, hidden }) => [vocab, hidden] },
  },
  workgroups: ({ ids, hidden }) => Math.ceil(ids * hidden / 256),
};

/** `table [vocab, hidden]`, `tokens [rows]` u32 below vocab → `x [rows, hidden]`. */
export const embed = (pass: Pass, table: Tensor, tokens: Tensor): Tensor => {
  const [vocab = 0, hidden = 0] = table.shape;
  const [rows = 0] = tokens.shape;
  const x = pass.tensor([rows, hidden]);
  pass.dispatch(embeddingKernel, { rows, hidden, vocab }, { table, tokens, x });
  return x;
};

// Mesa's software driver ends a thread's loops, without a word, after 65 535 iterations in all, and a
// vector of threads may run both searches of embedding_links.wgsl.
const longestList = 32_767;

/**
 * `dX [rows, hidden]` and the `tokens [rows]` of the forward → adds to `dRows [n, hidden]` the
 * gradient of the rows `rowIds [n]` of the table. With every id it is the gradient of the table.
 */
export const embeddingGradient = (
  pass: Pass,
  dX: Tensor,
  tokens: Tensor,
  rowIds: Tensor,
  dRows: Tensor,
): void => {
  const [rows = 0, hidden = 0] = dX.shape;
  const [ids = 0] = rowIds.shape;
  if (pass.adapter.software && rows > longestList) {
    throw new GpuError({
      reason: {
        _tag: "LimitExceeded",
        what: "The embedding's gradient (in rows)",
        limit: "loop length",
        allowed: longestList,
        actual: rows,
      },
    });
  }
  const next = pass.tensor([rows], "u32");
  const first = pass.tensor([ids], "u32");
  pass.dispatch(embeddingLinksKernel, { rows, ids }, { tokens, rowIds, next, first });
  pass.dispatch(embeddingGradientKernel, { rows, hidden, ids }, { dX, next, first, dRows });
  pass.release(next, first);
};

/** Overwrites the rows `rowIds [n]` of `table [vocab, hidden]` with `rows [n, hidden]`. */
export const scatterRows = (pass: Pass, rows: Tensor, rowIds: Tensor, table: Tensor): void => {
  const [ids = 0, hidden = 0] = rows.shape;
  const [vocab = 0] = table.shape;
  pass.dispatch(scatterRowsKernel, { ids, hidden, vocab }, { rows, rowIds, table });
};

/** The rows of `table` that `tokens` name, in f64. */
export const embedReference = (
  table: ArrayLike<number>,
  tokens: ArrayLike<number>,
  hidden: number,
): Float64Array =>
  Float64Array.from(
    { length: tokens.length * hidden },
    (_, i) => table[tokens[Math.floor(i / hidden)]! * hidden + i % hidden]!,
  );

/** The part to be added to `dRows`, in f64. */
export const embeddingGradientReference = (
  dX: ArrayLike<number>,
  tokens: ArrayLike<number>,
  rowIds: ArrayLike<number>,
  hidden: number,
): Float64Array => {
  const dRows = new Float64Array(rowIds.length * hidden);
  for (let id = 0; id < rowIds.length; id++) {
    for (let row = 0; row < tokens.length; row++) {
      if (tokens[row] !== rowIds[id]) continue;
      for (let c = 0; c < hidden; c++) dRows[id * hidden + c]! += dX[row * hidden + c]!;
    }
  }
  return dRows;
};
