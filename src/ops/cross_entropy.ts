/**
 * The language-model head and softmax cross-entropy in one op: the logits exist a chunk of rows (and,
 * for a large vocabulary, of ids) at a time, and each chunk becomes its own gradient.
 *
 * @module
 */
import columnsSource from "../../kernels/cross_entropy_columns.wgsl" with { type: "text" };
import gradientSource from "../../kernels/cross_entropy_gradient.wgsl" with { type: "text" };
import source from "../../kernels/cross_entropy.wgsl" with { type: "text" };
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { IGNORE } from "./ignore.ts";
import { matmulNN, matmulNT, matmulTN, rowsOf } from "./matmul.ts";
import { withRowThreads } from "./row_threads.ts";

export { IGNORE };

type Chunk = "rows" | "cols" | "firstRow" | "allRows" | "firstId" | "valid";

/** Binding of `kernels/cross_entropy.wgsl`. */
export const crossEntropyKernel: Kernel<
  "logits" | "targets" | "losses" | "logSumExp",
  Chunk | "first" | "last"
> = {
  name: "cross_entropy",
  source,
  params: {
    rows: "u32",
    cols: "u32",
    firstRow: "u32",
    allRows: "u32",
    firstId: "u32",
    valid: "u32",
    first: "u32",
    last: "u32",
  },
  bindings: {
    logits: { access: "in", shape: ({ rows, cols }) => [rows, cols] },
    targets: { access: "in", dtype: "u32", shape: ({ allRows }) => [allRows] },
    losses: { access: "inout", shape: ({ allRows }) => [allRows] },
    logSumExp: { access: "inout", shape: ({ allRows }) => [allRows] },
  },
  workgroups: ({ rows }) => rows,
};

/** Binding of `kernels/cross_entropy_gradient.wgsl`. */
export const crossEntropyGradientKernel: Kernel<
  "logits" | "targets" | "logSumExp",
  Chunk | "scale"
> = {
  name: "cross_entropy_gradient",
  source: gradientSource,
  params: {
    rows: "u32",
    cols: "u32",
    firstRow: "u32",
    allRows: "u32",
    firstId: "u32",
    valid: "u32",
    scale: "f32",
  },
  bindings: {
    logits: { access: "inout", shape: ({ rows, cols }) => [rows, cols] },
    targets: { access: "in", dtype: "u32", shape: ({ allRows }) => [allRows] },
    logSumExp: { access: "in", shape: ({ allRows }) => [allRows] },
  },
  workgroups: ({ rows, cols }) => Math.ceil(rows * cols / 256),
};

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

/** What {@linkcode crossEntropy} reads. */
export interface CrossEntropyInputs {
  /** Final hidden states `[rows, hidden]`. */
  readonly hidden: Tensor;
  /** `[vocab, hidden]`. */
  readonly head: Tensor;
  /** The label of each row, u32 `[rows]`, or {@linkcode IGNORE}. */
  readonly targets: Tensor;
}

/** What {@linkcode crossEntropy} computes beside the losses, and in what pieces. */
export interface CrossEntropyOptions {
  /** Factor of every gradient, such as 1 / supervised tokens of the optimizer step. */
  readonly scale: number;
  /** Whether to make `dHidden` and add to the gradients below. */
  readonly gradient: boolean;
  /** Gradient of a trained head `[vocab, hidden]`, added to. */
  readonly dHead?: Tensor;
  /** Gradient `dRows [n, hidden]`, added to, of the trained rows `rowIds [n]` of the head. */
  readonly chosen?: { readonly rowIds: Tensor; readonly dRows: Tensor };
  /** Ids from here on do not exist: the head is padded. All rows of the head unless told. */
  readonly validVocab?: number;
  /** Most bytes that a chunk of logits takes; 64 MiB unless told. */
  readonly chunkBytes?: number;
}

// Products of fewer rows than this are slow; rather than fewer, the vocabulary is cut too.
const fewestRows = 32;

const chunkSizes = (
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

const chunksOf = (length: number, step: number): ReadonlyArray<readonly [number, number]> =>
  Array.from(
    { length: Math.ceil(length / step) },
    (_, i) => [i * step, Math.min(length, (i + 1) * step)],
  );

/**
 * `hidden`, `head`, `targets` → `losses [rows]` in nats (0 where ignored, never scaled),
 * `logSumExp [rows]`, and with `gradient` also `dHidden [rows, hidden]`, the gradient of
 * scale · Σ losses.
 */
export const crossEntropy = (
  pass: Pass,
  { hidden, head, targets }: CrossEntropyInputs,
  { scale, gradient, dHead, chosen, validVocab, chunkBytes = 64 * 2 ** 20 }: CrossEntropyOptions,
): { readonly losses: Tensor; readonly logSumExp: Tensor; readonly dHidden?: Tensor } => {
  const [allRows = 0] = hidden.shape;
  const [vocab = 0] = head.shape;
  const limit = Math.min(chunkBytes, pass.adapter.limits.maxStorageBufferBindingSize);
  const { rowStep, idStep } = chunkSizes(allRows, vocab, limit / 4);
  const losses = pass.tensor([allRows]);
  const logSumExp = pass.tensor([allRows]);
  const dHidden = gradient ? pass.tensor(hidden.shape) : undefined;
  const kernel = withRowThreads(crossEntropyKernel, pass.adapter, idStep);
  const idChunks = chunksOf(vocab, idStep);

  for (const [firstRow, endRow] of chunksOf(allRows, rowStep)) {
    const part = rowsOf(hidden, firstRow, endRow);
    const project = ([firstId, endId]: readonly [number, number]): Tensor =>
      matmulNT(pass, part, rowsOf(head, firstId, endId));
    const chunkOf = ([firstId, endId]: readonly [number, number]): Record<Chunk, number> => ({
      rows: endRow - firstRow,
      cols: endId - firstId,
      firstRow,
      allRows,
      firstId,
      valid: Math.max(0, Math.min(endId, validVocab ?? vocab) - firstId),
    });
    const backward = (ids: readonly [number, number], logits: Tensor): void => {
      const chunk = chunkOf(ids);
      const { firstId } = chunk;
      pass.dispatch(crossEntropyGradientKernel, { ...chunk, scale }, {
        logits,
        targets,
        logSumExp,
      });
      matmulNN(pass, logits, rowsOf(head, ...ids), {
        into: rowsOf(dHidden!, firstRow, endRow),
        accumulate: firstId > 0,
      });
      if (dHead) matmulTN(pass, logits, part, { into: rowsOf(dHead, ...ids), accumulate: true });
      if (!chosen) return;
      const { rowIds, dRows } = chosen;
      const { rows, cols } = chunk;
      const [n = 0] = rowIds.shape;
      const picked = pass.tensor([rows, n]);
      pass.dispatch(crossEntropyColumnsKernel, { rows, cols, ids: n, firstId }, {
        dLogits: logits,
        rowIds,
        picked,
      });
      matmulTN(pass, picked, part, { into: dRows, accumulate: true });
      pass.release(picked);
    };

    for (const [index, ids] of idChunks.entries()) {
      const logits = project(ids);
      const first = index === 0 ? 1 : 0;
      const last = index === idChunks.length - 1 ? 1 : 0;
      const tensors = { logits, targets, losses, logSumExp };
      pass.dispatch(kernel, { ...chunkOf(ids), first, last }, tensors);
      // With one chunk of ids its logits serve the gradient too.
      if (gradient && idChunks.length === 1) backward(ids, logits);
      pass.release(logits);
    }
    if (!gradient || idChunks.length === 1) continue;
    for (const ids of idChunks) {
      const logits = project(ids);
      backward(ids, logits);
      pass.release(logits);
    }
  }
  return { losses, logSumExp, ...(dHidden ? { dHidden } : {}) };
};

/** Losses and all gradients in f64; `dHead` is the part to be added. */
export const crossEntropyReference = (
  { hidden, head, targets }: {
    readonly hidden: ArrayLike<number>;
    readonly head: ArrayLike<number>;
    readonly targets: ArrayLike<number>;
  },
  scale: number,
  validVocab?: number,
): {
  readonly losses: Float64Array;
  readonly logSumExp: Float64Array;
  readonly dHidden: Float64Array;
  readonly dHead: Float64Array;
} => {
  const rows = targets.length;
  const width = hidden.length / rows;
  const valid = validVocab ?? head.length / width;
  const losses = new Float64Array(rows);
  const logSumExp = new Float64Array(rows);
  const dHidden = new Float64Array(hidden.length);
  const dHead = new Float64Array(head.length);
  for (let row = 0; row < rows; row++) {
    const logits = Float64Array.from({ length: valid }, (_, id) => {
      let sum = 0;
      for (let c = 0; c < width; c++) sum += hidden[row * width + c]! * head[id * width + c]!;
      return sum;
    });
    const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    logSumExp[row] = most + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - most), 0));
    if (targets[row] === IGNORE) continue;
    losses[row] = logSumExp[row]! - logits[targets[row]!]!;
    for (const [id, logit] of logits.entries()) {
      const onehot = id === targets[row] ? 1 : 0;
      const gradient = scale * (Math.exp(logit - logSumExp[row]!) - onehot);
      for (let c = 0; c < width; c++) {
        dHidden[row * width + c]! += gradient * head[id * width + c]!;
        dHead[id * width + c]! += gradient * hidden[row * width + c]!;
      }
    }
  }
  return { losses, logSumExp, dHidden, dHead };
};
