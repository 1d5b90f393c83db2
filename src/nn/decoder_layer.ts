/** One decoder layer: attention and feed-forward, each behind a norm and around the residual. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { embed, scatterRows } from "../ops/embedding.ts";
import { fill } from "../ops/fill.ts";
import { wholeTable } from "../ops/vocabulary_table.ts";
import type { Attend, LayerAttention, RaggedAttention } from "./attend.ts";
import {
  type AttentionBlock,
  attentionBlockBackward,
  attentionBlockForward,
  type BackwardOptions,
  releaseAttention,
  type SavedAttention,
} from "./attention_block.ts";
import {
  type FeedForward,
  feedForwardBackward,
  feedForwardForward,
  releaseFeedForward,
  type SavedFeedForward,
} from "./feed_forward.ts";
import { linearsOf } from "./linears.ts";
import type { TrainingMode } from "./lora_linear.ts";

/** The weights of one layer, and the rule by which it attends. */
export interface DecoderLayer {
  readonly attending: LayerAttention;
  readonly attention: AttentionBlock;
  readonly feedForward: FeedForward;
}

/** What the backward of a layer reads again; with checkpointing only its input. */
export interface SavedLayer {
  readonly input: Tensor;
  /** The rows that the feed-forward took, u32 `[wanted]`; all where absent. */
  readonly wanted?: Tensor;
  readonly inside?: { readonly attention: SavedAttention; readonly feedForward: SavedFeedForward };
}

/** How a layer runs. */
export interface LayerOptions {
  /** Turns dropout on. */
  readonly mode?: TrainingMode;
  /** Rows whose stream after the layer is wanted, ascending, u32 `[wanted]`; all unless told. */
  readonly wanted?: Tensor;
}

/** `x [rows, hidden]` → the residual stream after the layer `[rows, hidden]`, or `[wanted, hidden]`. */
export const layerForward = (
  pass: Pass,
  layer: DecoderLayer,
  x: Tensor,
  attend: Attend,
  { mode, wanted }: LayerOptions = {},
): { readonly y: Tensor; readonly saved: SavedLayer } => {
  const attention = attentionBlockForward(pass, layer.attention, x, attend, mode);
  // Other rows have had their say, by their keys and values.
  const stream = wanted ? embed(pass, wholeTable(attention.y), wanted) : attention.y;
  if (wanted) pass.release(attention.y);
  const feedForward = feedForwardForward(pass, layer.feedForward, stream, mode);
  return {
    y: feedForward.y,
    saved: {
      input: x,
      ...wanted ? { wanted } : {},
      inside: { attention: attention.saved, feedForward: feedForward.saved },
    },
  };
};

/** Gives back what the forward kept inside the layer, when no backward will read it. */
export const releaseInside = (pass: Pass, { inside }: SavedLayer): void => {
  if (!inside) return;
  releaseFeedForward(pass, inside.feedForward);
  releaseAttention(pass, inside.attention);
};

/**
 * `dStream`, the gradient after the layer, becomes that before it `[rows, hidden]`: in place, or in a new
 * tensor where the layer gave wanted rows only; then `dStream` is released. With `trainsInput` false it
 * need not be whole.
 */
export const layerBackward = (
  pass: Pass,
  layer: DecoderLayer,
  { input, wanted, ...saved }: SavedLayer,
  dStream: Tensor,
  attend: RaggedAttention,
  options: BackwardOptions = {},
): Tensor => {
  const { mode } = options;
  let inside = saved.inside;
  if (!inside) {
    const same = { ...mode ? { mode } : {}, ...wanted ? { wanted } : {} };
    const again = layerForward(pass, layer, input, attend.forward, same);
    pass.release(again.y);
    inside = again.saved.inside!;
  }
  feedForwardBackward(pass, layer.feedForward, inside.feedForward, dStream, mode);
  const dInput = wanted ? spread(pass, dStream, wanted, input) : dStream;
  attentionBlockBackward(pass, layer.attention, inside.attention, dInput, attend, options);
  return dInput;
};

// The gradient of the wanted rows among all rows, which are as many as those of `like`.
const spread = (pass: Pass, dStream: Tensor, wanted: Tensor, like: Tensor): Tensor => {
  const all = pass.tensor(like.shape);
  fill(pass, all, 0);
  scatterRows(pass, dStream, wanted, wholeTable(all));
  pass.release(dStream);
  return all;
};

/** Whether anything of `layer` is trained. */
export const trainsLayer = (layer: DecoderLayer): boolean => {
  const { attention, feedForward } = layer;
  const norms = [attention.norm, attention.outputNorm, feedForward.norm, feedForward.outputNorm];
  const { query, key } = attention.heads ?? {};
  return [...norms.map((norm) => norm?.gain), query, key].some((gain) => gain?.gradient) ||
    linearsOf({ layers: [layer] }).some(({ weight, bias, lora }) =>
      weight.gradient || bias?.gradient || lora?.a.gradient
    );
};
