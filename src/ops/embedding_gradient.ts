/** The gradient of an embedding: of chosen rows, or of every shard that is trained. @module */
import linksSource from "../../kernels/embedding_links.wgsl" with { type: "text" };
import slotsSource from "../../kernels/embedding_slots.wgsl" with { type: "text" };
import source from "../../kernels/embedding_gradient.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { VocabularyTable } from "./vocabulary_table.ts";

/** Binding of `kernels/embedding_slots.wgsl`. */
export const embeddingSlotsKernel: Kernel<"tokens" | "rowIds" | "slots", "rows" | "ids"> = {
  name: "embedding_slots",
  source: slotsSource,
  params: { rows: "u32", ids: "u32" },
  bindings: {
    tokens: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    rowIds: { access: "in", dtype: "u32", shape: ({ ids }) => [ids] },
    slots: { access: "out", dtype: "u32", shape: ({ rows }) => [rows] },
  },
  workgroups: ({ rows }) => Math.ceil(rows / 64),
};

/** Binding of `kernels/embedding_links.wgsl`. */
export const embeddingLinksKernel: Kernel<
  "slots" | "starts" | "next",
  "rows" | "firstRow" | "allRows"
> = {
  name: "embedding_links",
  source: linksSource,
  params: { rows: "u32", firstRow: "u32", allRows: "u32" },
  bindings: {
    slots: { access: "in", dtype: "u32", shape: ({ allRows }) => [allRows] },
    starts: { access: "out", dtype: "u32", shape: ({ rows }) => [rows] },
    next: { access: "out", dtype: "u32", shape: ({ rows }) => [rows] },
  },
  workgroups: ({ rows }) => Math.ceil(rows / 64),
};

/** Binding of `kernels/embedding_gradient.wgsl`. */
export const embeddingGradientKernel: Kernel<
  "dX" | "starts" | "next" | "dRows",
  "rows" | "firstRow" | "allRows" | "hidden" | "firstId" | "ids" | "scale"
> = {
  name: "embedding_gradient",
  source,
  params: {
    rows: "u32",
    firstRow: "u32",
    allRows: "u32",
    hidden: "u32",
    firstId: "u32",
    ids: "u32",
    scale: "f32",
  },
  bindings: {
    dX: { access: "in", shape: ({ allRows, hidden }) => [allRows, hidden] },
    starts: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    next: { access: "in", dtype: "u32", shape: ({ rows }) => [rows] },
    dRows: { access: "inout", shape: ({ ids, hidden }) => [ids, hidden] },
  },
  workgroups: ({ rows, hidden }) => Math.ceil(rows * hidden / 64),
};

// Lists end with a slice of the batch's rows: it bounds both the search of a row for its neighbours and
// the loops of a thread, of which Mesa's software driver ends all after 65 535 iterations, silently.
const sliceRows = 8192;

/** Rows that {@linkcode embeddingGradient} can choose. */
const mostIds = 32_768;

/** A gradient `[ids, hidden]` of the slots from `firstId`, added to. */
interface Into {
  readonly firstId: number;
  readonly gradient: Tensor;
}

const addGradients = (
  pass: Pass,
  dX: Tensor,
  slots: Tensor,
  into: ReadonlyArray<Into>,
  scale: number,
): void => {
  const [allRows = 0, hidden = 0] = dX.shape;
  for (let firstRow = 0; firstRow < allRows; firstRow += sliceRows) {
    const rows = Math.min(sliceRows, allRows - firstRow);
    const slice = { rows, firstRow, allRows };
    const starts = pass.tensor([rows], "u32");
    const next = pass.tensor([rows], "u32");
    pass.dispatch(embeddingLinksKernel, slice, { slots, starts, next });
    for (const { firstId, gradient: dRows } of into) {
      const params = { ...slice, hidden, firstId, ids: dRows.shape[0]!, scale };
      pass.dispatch(embeddingGradientKernel, params, { dX, starts, next, dRows });
    }
    pass.release(starts, next);
  }
};

/**
 * `dX [rows, hidden]` and the `tokens [rows]` of the forward → adds to `dRows [n, hidden]` the gradient
 * of the rows `rowIds [n]` of the table, ids that differ from each other. `scale` is the forward's.
 */
export const embeddingGradient = (
  pass: Pass,
  dX: Tensor,
  tokens: Tensor,
  rowIds: Tensor,
  dRows: Tensor,
  scale = 1,
): void => {
  const [rows = 0] = dX.shape;
  const [ids = 0] = rowIds.shape;
  if (ids > mostIds) {
    throw new RangeError(
      `Expected at most ${mostIds} row ids but found ${ids}: tableGradient takes whole shards`,
    );
  }
  const slots = pass.tensor([rows], "u32");
  pass.dispatch(embeddingSlotsKernel, { rows, ids }, { tokens, rowIds, slots });
  addGradients(pass, dX, slots, [{ firstId: 0, gradient: dRows }], scale);
  pass.release(slots);
};

/**
 * `dX [rows, hidden]` and the `tokens [rows]` of the forward → adds to the gradient of each shard of
 * `table` that has one. `scale` is the forward's. A token past the table has no gradient.
 */
export const tableGradient = (
  pass: Pass,
  dX: Tensor,
  tokens: Tensor,
  { shards }: VocabularyTable,
  scale = 1,
): void => {
  const trained = shards.flatMap(({ from, gradient }) =>
    gradient ? [{ firstId: from, gradient }] : []
  );
  if (trained.length > 0) addGradients(pass, dX, tokens, trained, scale);
};

/** The part to be added to `dRows`, in f64. */
export const embeddingGradientReference = (
  dX: ArrayLike<number>,
  tokens: ArrayLike<number>,
  rowIds: ArrayLike<number>,
  hidden: number,
  scale = 1,
): Float64Array => {
  const dRows = new Float64Array(rowIds.length * hidden);
  for (let id = 0; id < rowIds.length; id++) {
    for (let row = 0; row < tokens.length; row++) {
      if (tokens[row] !== rowIds[id]) continue;
      for (let c = 0; c < hidden; c++) dRows[id * hidden + c]! += scale * dX[row * hidden + c]!;
    }
  }
  return dRows;
};
