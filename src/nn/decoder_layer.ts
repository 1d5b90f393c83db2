/** One decoder layer: attention and feed-forward, each behind a norm and around the residual. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import type { Attend, LayerAttention, RaggedAttention } from "./attend.ts";
import {
  type AttentionBlock,
  attentionBlockBackward,
  attentionBlockForward,
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
  readonly inside?: { readonly attention: SavedAttention; readonly feedForward: SavedFeedForward };
}

/** `x [rows, hidden]` → the residual stream after the layer. */
export const layerForward = (
  pass: Pass,
  layer: DecoderLayer,
  x: Tensor,
  attend: Attend,
  mode?: TrainingMode,
): { readonly y: Tensor; readonly saved: SavedLayer } => {
  const attention = attentionBlockForward(pass, layer.attention, x, attend, mode);
  const feedForward = feedForwardForward(pass, layer.feedForward, attention.y, mode);
  return {
    y: feedForward.y,
    saved: {
      input: x,
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

/** Turns `dStream [rows, hidden]`, the gradient after the layer, into the gradient before it. */
export const layerBackward = (
  pass: Pass,
  layer: DecoderLayer,
  saved: SavedLayer,
  dStream: Tensor,
  attend: RaggedAttention,
  mode?: TrainingMode,
): void => {
  let inside = saved.inside;
  if (!inside) {
    const again = layerForward(pass, layer, saved.input, attend.forward, mode);
    pass.release(again.y);
    inside = again.saved.inside!;
  }
  feedForwardBackward(pass, layer.feedForward, inside.feedForward, dStream, mode);
  attentionBlockBackward(pass, layer.attention, inside.attention, dStream, attend, mode);
};
