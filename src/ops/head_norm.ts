/** RMSNorm of each query and each key head, with a gain for queries and one for keys. @module */
import backwardSource from "../../kernels/head_norm_backward.wgsl" with { type: "text" };
import gainSource from "../../kernels/head_norm_gain.wgsl" with { type: "text" };
import source from "../../kernels/head_norm.wgsl" with { type: "text" };
import type { AdapterFacts, Pass, Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { type HeadDims, qkvCols } from "./head_dims.ts";
import { columnSumKernel, rmsNormBackwardReference, rmsNormReference } from "./rms_norm.ts";

/** What scales the normed heads, `[headDim]` each. */
export interface HeadGains<T = Tensor> {
  readonly query: T;
  readonly key: T;
}

const paramTypes = { rows: "u32", heads: "u32", kvHeads: "u32", headDim: "u32" } as const;
type Dims = Readonly<Record<keyof typeof paramTypes, number>>;
const qkvShape = (params: Dims) => [params.rows, qkvCols(params)];
const rstdShape = ({ rows, heads, kvHeads }: Dims) => [rows, heads + kvHeads];
const gainShape = ({ headDim }: Dims) => [headDim];

/** Binding of `kernels/head_norm.wgsl`. */
export const headNormKernel: Kernel<
  "qkv" | "queryGain" | "keyGain" | "y" | "rstd",
  keyof Dims | "eps"
> = {
  name: "head_norm",
  source,
  params: { ...paramTypes, eps: "f32" },
  bindings: {
    qkv: { access: "in", shape: qkvShape },
    queryGain: { access: "in", shape: gainShape },
    keyGain: { access: "in", shape: gainShape },
    y: { access: "out", shape: qkvShape },
    rstd: { access: "out", shape: rstdShape },
  },
  workgroups: ({ rows, heads, kvHeads }) => rows * (heads + 2 * kvHeads),
};

/** Binding of `kernels/head_norm_backward.wgsl`. */
export const headNormBackwardKernel: Kernel<
  "qkv" | "queryGain" | "keyGain" | "rstd" | "d",
  keyof Dims
> = {
  name: "head_norm_backward",
  source: backwardSource,
  params: paramTypes,
  bindings: {
    qkv: { access: "in", shape: qkvShape },
    queryGain: { access: "in", shape: gainShape },
    keyGain: { access: "in", shape: gainShape },
    rstd: { access: "in", shape: rstdShape },
    d: { access: "inout", shape: qkvShape },
  },
  workgroups: ({ rows, heads, kvHeads }) => rows * (heads + kvHeads),
};

/** Binding of `kernels/head_norm_gain.wgsl`. */
export const headNormGainKernel: Kernel<
  "qkv" | "rstd" | "dY" | "partial",
  keyof Dims | "firstHead" | "endHead" | "blocks" | "blockRows"
> = {
  name: "head_norm_gain",
  source: gainSource,
  params: { ...paramTypes, firstHead: "u32", endHead: "u32", blocks: "u32", blockRows: "u32" },
  bindings: {
    qkv: { access: "in", shape: qkvShape },
    rstd: { access: "in", shape: rstdShape },
    dY: { access: "in", shape: qkvShape },
    partial: { access: "out", shape: ({ blocks, headDim }) => [blocks, headDim] },
  },
  workgroups: ({ headDim, blocks }) => [Math.ceil(headDim / 64), blocks, 1],
};

// A head is short: one vector's worth of threads where the driver computes on the CPU, a subgroup else.
const withHeadThreads = <B extends string, P extends string>(
  kernel: Kernel<B, P>,
  { software }: AdapterFacts,
): Kernel<B, P> => ({ ...kernel, constants: { WG: software ? 8 : 32 } });

/**
 * `qkv [rows, (heads + 2 · kvHeads) · headDim]` → `y` of the same shape, with value heads copied, and
 * the `rstd [rows, heads + kvHeads]` its backward needs.
 */
export const headNorm = (
  pass: Pass,
  qkv: Tensor,
  gains: HeadGains,
  { heads, kvHeads, headDim }: HeadDims,
  eps: number,
): { readonly y: Tensor; readonly rstd: Tensor } => {
  const [rows = 0] = qkv.shape;
  const y = pass.tensor(qkv.shape);
  const rstd = pass.tensor([rows, heads + kvHeads]);
  pass.dispatch(
    withHeadThreads(headNormKernel, pass.adapter),
    { rows, heads, kvHeads, headDim, eps },
    { qkv, queryGain: gains.query, keyGain: gains.key, y, rstd },
  );
  return { y, rstd };
};

// Rows that one thread of the first stage adds up, over all heads.
const blockRows = 64;

/**
 * Turns `dY`, shaped as the forward's `qkv`, into the gradient of `qkv`, in place; and adds to
 * `dQueryGain` and `dKeyGain` `[headDim]` where they are trained.
 */
export const headNormBackward = (
  pass: Pass,
  { qkv, gains, rstd, dY }: {
    readonly qkv: Tensor;
    readonly gains: HeadGains;
    readonly rstd: Tensor;
    readonly dY: Tensor;
  },
  { heads, kvHeads, headDim }: HeadDims,
  { dQueryGain, dKeyGain }: { readonly dQueryGain?: Tensor; readonly dKeyGain?: Tensor } = {},
): void => {
  const [rows = 0] = qkv.shape;
  const params = { rows, heads, kvHeads, headDim };
  const addGain = (into: Tensor, firstHead: number, endHead: number): void => {
    const blocks = Math.ceil(rows / blockRows);
    const partial = pass.tensor([blocks, headDim]);
    const stage = { ...params, firstHead, endHead, blocks, blockRows };
    pass.dispatch(headNormGainKernel, stage, { qkv, rstd, dY, partial });
    pass.dispatch(columnSumKernel, { rows: blocks, cols: headDim }, { x: partial, into });
    pass.release(partial);
  };
  // Before dY is written over.
  if (dQueryGain) addGain(dQueryGain, 0, heads);
  if (dKeyGain) addGain(dKeyGain, heads, heads + kvHeads);
  pass.dispatch(
    withHeadThreads(headNormBackwardKernel, pass.adapter),
    params,
    { qkv, queryGain: gains.query, keyGain: gains.key, rstd, d: dY },
  );
};

/** The forward's formula in f64. */
export const headNormReference = (
  qkv: ArrayLike<number>,
  gains: HeadGains<ArrayLike<number>>,
  dims: HeadDims,
  eps: number,
): { readonly y: Float64Array; readonly rstd: Float64Array } => {
  const y = Float64Array.from(qkv);
  const rstd: number[] = [];
  for (const { x, gain } of normedHeads(y, dims)) {
    const head = rmsNormReference(x, gains[gain], eps);
    x.set(head.y);
    rstd.push(...head.rstd);
  }
  return { y, rstd: Float64Array.from(rstd) };
};

/** The backward's formulas in f64; the gradients of the gains are the parts to be added. */
export const headNormBackwardReference = (
  qkv: ArrayLike<number>,
  gains: HeadGains<ArrayLike<number>>,
  dims: HeadDims,
  eps: number,
  dY: ArrayLike<number>,
): { readonly dQkv: Float64Array } & HeadGains<Float64Array> => {
  const dQkv = Float64Array.from(dY);
  const dGains = { query: new Float64Array(dims.headDim), key: new Float64Array(dims.headDim) };
  const heads = normedHeads(Float64Array.from(qkv), dims);
  for (const [index, { x: d, gain }] of normedHeads(dQkv, dims).entries()) {
    const { dX, dGain } = rmsNormBackwardReference(heads[index]!.x, gains[gain], eps, d);
    d.set(dX);
    dGain.forEach((value, c) => dGains[gain][c]! += value);
  }
  return { dQkv, ...dGains };
};

// The query and key heads of `qkv`, row by row, as windows into it.
const normedHeads = (
  qkv: Float64Array,
  dims: HeadDims,
): { readonly x: Float64Array; readonly gain: "query" | "key" }[] => {
  const { heads, kvHeads, headDim } = dims;
  return Array.from({ length: qkv.length / qkvCols(dims) * (heads + kvHeads) }, (_, id) => {
    const [row, head] = [Math.floor(id / (heads + kvHeads)), id % (heads + kvHeads)];
    const at = row * qkvCols(dims) + head * headDim;
    return { x: qkv.subarray(at, at + headDim), gain: head < heads ? "query" : "key" };
  });
};
