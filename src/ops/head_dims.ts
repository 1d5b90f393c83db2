/** How the columns of queries, keys and values divide into heads, and which keys a row sees. @module */
import type { ScalarType } from "../gpu/kernel.ts";

/** Each of `kvHeads` key heads serves `heads / kvHeads` query heads in a row (grouped-query). */
export interface HeadDims {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** The attention of one layer: its heads, what becomes of a score, and how far a row looks back. */
export interface AttentionRule extends HeadDims {
  /** Factor of query · key; `1 / √headDim` unless told. */
  readonly scale?: number;
  /** A score s becomes `softCap · tanh(s / softCap)`; as it is unless told (Gemma 2, arXiv 2408.00118). */
  readonly softCap?: number;
  /** Row i sees keys `i − window < j ≤ i`; all before it unless told (arXiv 2310.06825, section 2). */
  readonly window?: number;
}

/** Columns of `qkv`: the query heads, then the key heads, then the value heads. */
export const qkvCols = (
  { heads, kvHeads, headDim }: Readonly<Record<keyof HeadDims, number>>,
): number => (heads + 2 * kvHeads) * headDim;

/** The part of an attention kernel's uniform block that the rule fills. */
export type RuleParams = Readonly<Record<keyof AttentionRule, number>>;

/** What an attention kernel over the rows of a packed batch is told. */
export type AttentionParams = "rows" | keyof RuleParams;

/** Its uniform block. */
export const attentionParams: Readonly<Record<AttentionParams, ScalarType>> = {
  rows: "u32",
  heads: "u32",
  kvHeads: "u32",
  headDim: "u32",
  scale: "f32",
  softCap: "f32",
  window: "u32",
};

const noWindow = 0xffff_ffff;

/** `rule` as the kernels read it. Throws where they cannot divide the heads or follow the rule. */
export const ruleParams = (
  { heads, kvHeads, headDim, scale, softCap, window }: AttentionRule,
): RuleParams => {
  assertHeadDims({ heads, kvHeads, headDim });
  if (softCap !== undefined && !(softCap > 0 && softCap < Infinity)) {
    throw new RangeError(`Expected softCap to be above 0 but found ${softCap}`);
  }
  if (window !== undefined && !(Number.isInteger(window) && window > 0 && window < noWindow)) {
    throw new RangeError(
      `Expected window to be a whole number of rows above 0 but found ${window}`,
    );
  }
  return {
    heads,
    kvHeads,
    headDim,
    scale: scale ?? 1 / Math.sqrt(headDim),
    softCap: softCap ?? 0,
    window: window ?? noWindow,
  };
};

/** Throws where the attention kernels cannot divide the heads. */
export const assertHeadDims = ({ heads, kvHeads, headDim }: HeadDims): void => {
  if (headDim % 4 !== 0) {
    throw new RangeError(`Expected headDim to be a multiple of 4 but found ${headDim}`);
  }
  if (heads % kvHeads !== 0) {
    throw new RangeError(`Expected kvHeads to divide heads = ${heads} but found ${kvHeads}`);
  }
};

/** The score of `query · key` under `rule`, in f64, and its derivative with respect to the product. */
export const ruledScore = (
  product: number,
  { headDim, scale = 1 / Math.sqrt(headDim), softCap }: AttentionRule,
): { readonly score: number; readonly slope: number } => {
  if (softCap === undefined) return { score: product * scale, slope: scale };
  const share = Math.tanh(product * scale / softCap);
  return { score: softCap * share, slope: scale * (1 - share * share) };
};

/** The first key that `row` of a sequence starting at `start` sees. */
export const firstSeen = (
  row: number,
  start: number,
  { window = noWindow }: AttentionRule,
): number => Math.max(start, row + 1 - window);
