/** An adapter as host values: LoRA matrices, trained token rows and what they belong to. @module */
import type { AdapterBase, TrainedToken } from "./peft_config.ts";
import type { Targets } from "./peft_targets.ts";
import type { HostTensor } from "./weights.ts";

/**
 * What LoRA adds to a matrix W [out, in]: `a [rank, in]` and `b [out, rank]` make W + s·B·A, with `s`
 * of {@linkcode scalingOf}. Their shapes tell the rank, which need not be the adapter's.
 */
export interface LoraMatrices {
  readonly a: HostTensor;
  readonly b: HostTensor;
  /** Where it is not the adapter's. */
  readonly alpha?: number;
  /** DoRA: the row o of W + s·B·A is scaled to the length `magnitude[o]`; shape `[out]`. */
  readonly magnitude?: HostTensor;
}

/** Rows that replace the base model's; the i-th row belongs to the i-th token. */
export interface TrainedRows {
  readonly tokens: ReadonlyArray<TrainedToken>;
  /** Rows of the embedding `[tokens, hidden]`. */
  readonly input: HostTensor;
  /**
   * Rows of the head `[tokens, hidden]`; absent where the head's are the embedding's (tied) or the
   * base's.
   */
  readonly output?: HostTensor;
}

/** Everything that an adapter folder holds, as host values. */
export interface Adapter {
  readonly rank: number;
  /** The product B·A is scaled by alpha / rank, or by alpha / √rank under rsLoRA. */
  readonly alpha: number;
  readonly dropout: number;
  readonly rsLora: boolean;
  readonly base: AdapterBase;
  /** By the linear's name in the base model (`model.layers.0.self_attn.q_proj`). */
  readonly linears: ReadonlyMap<string, LoraMatrices>;
  /**
   * LoRA on the embedding, as on a matrix `[hidden, vocab]`: token t is embedded as E[t] + s·B·A[:, t].
   * A tied head keeps reading E. (Under DoRA, `magnitude` scales the rows of that matrix.)
   */
  readonly embedding?: LoraMatrices;
  /**
   * Whole tables `[rows, hidden]` by module (`model.embed_tokens`, `lm_head`): PEFT saves the base's
   * own beside LoRA on it, and both where the vocabulary was resized in memory. It takes the saved one
   * for the base's when it loads the folder.
   */
  readonly tables?: ReadonlyMap<string, HostTensor>;
  readonly rows?: TrainedRows;
  /** What the folder says it adapts, where that need not be the same modules in every layer. */
  readonly targets?: Targets;
}

/** The factor of B·A: alpha / rank, or alpha / √rank under rsLoRA. */
export const scalingOf = (
  { alpha, rsLora }: Pick<Adapter, "alpha" | "rsLora">,
  matrices: LoraMatrices,
): number => {
  const rank = matrices.a.shape[0]!;
  return (matrices.alpha ?? alpha) / (rsLora ? Math.sqrt(rank) : rank);
};
