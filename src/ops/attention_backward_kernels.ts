/** Bindings of the kernels behind `attention_backward.ts`. @module */
import anyKeySource from "../../kernels/attention_key_gradient.wgsl" with { type: "text" };
import keySource from "../../kernels/attention_key_gradient_subgroup.wgsl" with { type: "text" };
import anyQuerySource from "../../kernels/attention_query_gradient.wgsl" with { type: "text" };
import querySource from "../../kernels/attention_query_gradient_subgroup.wgsl" with {
  type: "text",
};
import wideKeySource from "../../kernels/attention_key_gradient_wide.wgsl" with { type: "text" };
import wideQuerySource from "../../kernels/attention_query_gradient_wide.wgsl" with {
  type: "text",
};
import { expand } from "../gpu/expand.ts";
import type { AdapterFacts } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import {
  type AttentionParams,
  attentionParams as params,
  type AttentionRule,
  qkvCols,
} from "./head_dims.ts";
import { isWide, subgroupLanes, wideTile } from "./wide_heads.ts";

type Shape = (params: Readonly<Record<AttentionParams, number>>) => ReadonlyArray<number>;

/** Binding of `kernels/attention_query_gradient.wgsl` and its `_subgroup` and `_wide` twins. */
export type QueryGradientKernel = Kernel<
  "qkv" | "starts" | "y" | "logSumExp" | "dY" | "centers" | "dQkv",
  AttentionParams
>;

/** Binding of `kernels/attention_key_gradient.wgsl` and its `_subgroup` and `_wide` twins. */
export type KeyGradientKernel = Kernel<
  "qkv" | "ends" | "logSumExp" | "dY" | "centers" | "dQkv",
  AttentionParams
>;

const ofQkv: Shape = (sizes) => [sizes.rows, qkvCols(sizes)];
const ofRows: Shape = ({ rows }) => [rows];
const ofY: Shape = ({ rows, heads, headDim }) => [rows, heads * headDim];
const ofScores: Shape = ({ rows, heads }) => [heads, rows];

const queryBindings: QueryGradientKernel["bindings"] = {
  qkv: { access: "in", shape: ofQkv },
  starts: { access: "in", dtype: "u32", shape: ofRows },
  y: { access: "in", shape: ofY },
  logSumExp: { access: "in", shape: ofScores },
  dY: { access: "in", shape: ofY },
  centers: { access: "out", shape: ofScores },
  dQkv: { access: "inout", shape: ofQkv },
};

const keyBindings: KeyGradientKernel["bindings"] = {
  qkv: { access: "in", shape: ofQkv },
  ends: { access: "in", dtype: "u32", shape: ofRows },
  logSumExp: { access: "in", shape: ofScores },
  dY: { access: "in", shape: ofY },
  centers: { access: "in", shape: ofScores },
  dQkv: { access: "inout", shape: ofQkv },
};

/** The two kernels of a backward. */
export interface AttentionBackwardKernels {
  readonly query: QueryGradientKernel;
  readonly key: KeyGradientKernel;
}

const kernels = new Map<string, AttentionBackwardKernels>();

/** The kernels that follow `rule`, expanded once for each `headDim` and kind of adapter. */
export const attentionBackwardKernels = (
  { headDim, softCap }: AttentionRule,
  adapter: AdapterFacts,
): AttentionBackwardKernels => {
  const { software } = adapter;
  const lanes = subgroupLanes(headDim, adapter);
  const constants = { CAPPED: softCap === undefined ? 0 : 1 };
  const key = `${headDim} ${lanes} ${software} ${constants.CAPPED}`;
  const known = kernels.get(key);
  if (known) return known;
  const expanded = isWide(headDim, lanes)
    ? onTiles(headDim, software, constants)
    : lanes > 0
    ? onSubgroups(headDim / 4, lanes, software, constants)
    : onAny(headDim / 4, constants);
  kernels.set(key, expanded);
  return expanded;
};

type Constants = Readonly<Record<"CAPPED", number>>;

const onTiles = (
  headDim: number,
  software: boolean,
  constants: Constants,
): AttentionBackwardKernels => {
  const [query, key] = [wideTile(headDim, 1, { software }), wideTile(headDim, 2, { software })];
  return {
    query: {
      name: "attention_query_gradient_wide",
      source: expand(wideQuerySource, query.sizes),
      params,
      bindings: queryBindings,
      constants,
      workgroups: ({ rows, heads, kvHeads }) =>
        Math.ceil(rows * (heads / kvHeads) / query.tile) * kvHeads,
    },
    key: {
      name: "attention_key_gradient_wide",
      source: expand(wideKeySource, key.sizes),
      params,
      bindings: keyBindings,
      constants,
      workgroups: ({ rows, kvHeads }) => Math.ceil(rows / key.tile) * kvHeads,
    },
  };
};

// A CPU keeps what overflows its registers in its nearest cache; a GPU does not. Short heads are those of
// short sequences, in which a high tile is half empty.
const onSubgroups = (
  headVecs: number,
  lanes: number,
  software: boolean,
  constants: Constants,
): AttentionBackwardKernels => {
  const [queries, keys] = software ? [4, headVecs > 8 ? 4 : 2] : [1, 1];
  return {
    query: {
      name: "attention_query_gradient_subgroup",
      source: expand(querySource, {
        HEAD_VECS: headVecs,
        HEAD_EIGHTS: headVecs / 2,
        LANES: lanes,
        QUERIES: queries,
      }),
      params,
      bindings: queryBindings,
      constants,
      workgroups: ({ rows, heads, kvHeads }) =>
        Math.ceil(rows * (heads / kvHeads) / (lanes * queries)) * kvHeads,
    },
    key: {
      name: "attention_key_gradient_subgroup",
      source: expand(keySource, {
        HEAD_VECS: headVecs,
        HEAD_EIGHTS: headVecs / 2,
        LANES: lanes,
        KEYS: keys,
      }),
      params,
      bindings: keyBindings,
      constants,
      workgroups: ({ rows, kvHeads }) => Math.ceil(rows / (lanes * keys)) * kvHeads,
    },
  };
};

const onAny = (headVecs: number, constants: Constants): AttentionBackwardKernels => ({
  query: {
    name: "attention_query_gradient",
    source: expand(anyQuerySource, { HEAD_VECS: headVecs }),
    params,
    bindings: queryBindings,
    constants,
    workgroups: ({ rows, heads }) => Math.ceil(rows * heads / 64),
  },
  key: {
    name: "attention_key_gradient",
    source: expand(anyKeySource, { HEAD_VECS: headVecs }),
    params,
    bindings: keyBindings,
    constants,
    workgroups: ({ rows, kvHeads }) => Math.ceil(rows * kvHeads / 64),
  },
});
