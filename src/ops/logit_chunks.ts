/** Logits a chunk at a time: how large, and what the head's trained rows get from each. @module */
import columnsSource from "../../kernels/cross_entropy_columns.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { matmulTN, type Matrix } from "./matmul.ts";

/** Binding of `kernels/cross_entropy_columns.wgsl`. */
export const crossEntropyColumnsKernel: Kernel<
  "dLogits" | "rowIds" | "picked",
  "rows" | "cols" | "ids" | "firstId"
> = {
  name: "cross_entropy_columns",
  source: columnsSource,
  params: { rows: "u32", cols: "u32", ids: "u32", firstId: "u32" },
  bindings: {
    dLogits: { access: "in", shape: ({ rows, cols }) => [rows, cols] },
    rowIds: { access: "in", dtype: "u32", shape: ({ ids }) => [ids] },
    picked: { access: "out", shape: ({ rows, ids }) => [rows, ids] },
  },
  workgroups: ({ rows, ids }) => Math.ceil(rows * ids / 64),
};

/** Trained rows of a head: gradient `dRows [n, hidden]`, added to, of the rows `rowIds [n]`. */
export interface ChosenRows {
  readonly rowIds: Tensor;
  readonly dRows: Tensor;
}

// Products of fewer rows than this are slow; rather than fewer, the vocabulary is cut too.
const fewestRows = 32;

/** Rows and ids of the largest chunk of logits `[rows, vocab]` that has at most `elements`. */
export const chunkSizes = (
  rows: number,
  vocab: number,
  elements: number,
): { readonly rowStep: number; readonly idStep: number } => {
  if (rows * vocab <= elements) return { rowStep: rows, idStep: vocab };
  const fewest = Math.min(rows, fewestRows);
  const rowStep = Math.floor(elements / vocab / fewest) * fewest;
  return rowStep > 0
    ? { rowStep, idStep: vocab }
    : { rowStep: fewest, idStep: Math.max(1, Math.floor(elements / fewest)) };
};

/** Adds to the chosen rows whose ids lie among the columns of `dLogits`, which start at `firstId`. */
export const addChosenRows = (
  pass: Pass,
  dLogits: Tensor,
  hidden: Matrix,
  firstId: number,
  { rowIds, dRows }: ChosenRows,
): void => {
  const [rows = 0, cols = 0] = dLogits.shape;
  const [ids = 0] = rowIds.shape;
  const picked = pass.tensor([rows, ids]);
  pass.dispatch(crossEntropyColumnsKernel, { rows, cols, ids, firstId }, {
    dLogits,
    rowIds,
    picked,
  });
  matmulTN(pass, picked, hidden, { into: dRows, accumulate: true });
  pass.release(picked);
};
