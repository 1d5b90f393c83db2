/** A decoder on the GPU: the forward through its layers, and the backward. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import {
  type Attend,
  type RaggedAttention,
  raggedAttention,
  type RowPlaces,
} from "../nn/attend.ts";
import {
  type DecoderLayer,
  layerBackward,
  layerForward,
  releaseInside,
  type SavedLayer,
  trainsLayer,
} from "../nn/decoder_layer.ts";
import {
  type LoraEmbedding,
  loraEmbeddingBackward,
  loraEmbeddingForward,
} from "../nn/lora_embedding.ts";
import type { TrainingMode } from "../nn/lora_linear.ts";
import { type Norm, normForward, normGradient } from "../nn/norm.ts";
import type { Parameters } from "../nn/parameters.ts";
import { embed } from "../ops/embedding.ts";
import { tableGradient } from "../ops/embedding_gradient.ts";
import { tableLogits, type VocabularyTable } from "../ops/vocabulary_table.ts";
import type { Architecture, ModelShape } from "./architecture.ts";

/** The weights of a model on the GPU, ready to run. */
export interface Decoder {
  readonly architecture: Architecture;
  readonly shape: ModelShape;
  /** Rows of embedding and head: `shape.vocab` and the new tokens behind it. */
  readonly rows: number;
  /** Longest sequence that it is prepared for, at most `shape.maxPositions`. */
  readonly positions: number;
  /** What is stored as f32: everything, or the gains and biases where the rest is packed. */
  readonly parameters: Parameters;
  readonly embedding: VocabularyTable;
  readonly embeddingLora?: LoraEmbedding;
  /** The embedding itself when the head is tied. */
  readonly head: VocabularyTable;
  readonly finalNorm: Norm;
  readonly layers: ReadonlyArray<DecoderLayer>;
}

/** What the forward keeps for the backward: everything, only layer inputs (checkpointing), nothing. */
export type Keep = "everything" | "layer_inputs" | "nothing";

/** What {@linkcode decoderForward} leaves behind. */
export interface DecoderForward {
  /** The final hidden states after the last norm `[rows or wanted, hidden]`: the head's input. */
  readonly hidden: Tensor;
  /** The residual stream before the last norm, in the same shape. */
  readonly stream: Tensor;
  readonly rstd: Tensor;
  readonly layers: ReadonlyArray<SavedLayer>;
}

/** How each layer attends, by its rule or by its place. */
export type AttendOf<A> = (layer: DecoderLayer, index: number) => A;

/** Causal attention within each sequence of a packed batch, by each layer's own rule. */
export const attendWithin = (places: RowPlaces): AttendOf<RaggedAttention> => ({ attending }) =>
  raggedAttention(places, attending);

/** `tokens [rows]` u32 → the hidden states that the head reads. */
export const decoderForward = (
  pass: Pass,
  decoder: Decoder,
  tokens: Tensor,
  attendOf: AttendOf<{ readonly forward: Attend }>,
  { keep = "nothing", mode, wanted, onEmbedded, onLayer }: {
    readonly keep?: Keep;
    readonly mode?: TrainingMode;
    /** Rows whose hidden states are wanted, ascending, u32 `[wanted]`: the rest of the last layer is spared. */
    readonly wanted?: Tensor;
    /** May change the embedded tokens `[rows, hidden]` in place. */
    readonly onEmbedded?: (pass: Pass, x: Tensor) => void;
    /** Sees the residual stream after each layer, before it may be released. */
    readonly onLayer?: (pass: Pass, stream: Tensor, layer: number) => void;
  } = {},
): DecoderForward => {
  let stream = embed(pass, decoder.embedding, tokens, decoder.shape.embeddingScale);
  if (decoder.embeddingLora) loraEmbeddingForward(pass, decoder.embeddingLora, tokens, stream);
  onEmbedded?.(pass, stream);
  const layers: SavedLayer[] = [];
  for (const [index, layer] of decoder.layers.entries()) {
    const { forward } = attendOf(layer, index);
    const last = index === decoder.layers.length - 1;
    const { y, saved } = layerForward(pass, layer, stream, forward, {
      ...mode ? { mode } : {},
      ...wanted && last ? { wanted } : {},
    });
    if (keep === "everything") layers.push(saved);
    else {
      releaseInside(pass, saved);
      const { inside: _, ...outside } = saved;
      if (keep === "layer_inputs") layers.push(outside);
      else pass.release(stream);
    }
    stream = y;
    onLayer?.(pass, stream, index);
  }
  const { y: hidden, saved: { rstd } } = normForward(pass, decoder.finalNorm, stream);
  return { hidden, stream, rstd, layers };
};

/** The logits of `hidden [rows, hidden]`, which the forward made: `[rows, decoder.rows]`. */
export const decoderLogits = (pass: Pass, { head, shape }: Decoder, hidden: Tensor): Tensor =>
  tableLogits(pass, hidden, head, shape.logitSoftCap);

/**
 * Takes `dHidden`, shaped as the forward's `hidden`, back to the embedding: adds every trained
 * parameter's gradient and returns the gradient of the embedded tokens `[rows, hidden]`, which is whole
 * where `wantsEmbedded` (unless told) or where the table is trained.
 */
export const decoderBackward = (
  pass: Pass,
  decoder: Decoder,
  tokens: Tensor,
  forward: DecoderForward,
  dHidden: Tensor,
  attendOf: AttendOf<RaggedAttention>,
  { mode, wantsEmbedded = true }: {
    readonly mode?: TrainingMode;
    readonly wantsEmbedded?: boolean;
  } = {},
): Tensor => {
  const { finalNorm, embedding, embeddingLora, shape } = decoder;
  const trainsEmbedded = wantsEmbedded || embeddingLora !== undefined ||
    embedding.shards.some(({ gradient }) => gradient);
  const { layers } = decoder;
  const lowest = trainsEmbedded ? 0 : layers.findIndex(trainsLayer);
  const end = lowest < 0 ? layers.length : lowest; // below it nothing is trained
  const saved = { x: forward.stream, rstd: forward.rstd };
  let dStream = normGradient(pass, finalNorm, saved, dHidden);
  pass.release(forward.stream, forward.rstd, forward.hidden);
  for (let index = layers.length - 1; index >= 0; index--) {
    const layer = layers[index]!;
    const saved = forward.layers[index]!;
    if (index >= end) {
      dStream = layerBackward(pass, layer, saved, dStream, attendOf(layer, index), {
        ...mode ? { mode } : {},
        trainsInput: trainsEmbedded || index > end,
      });
    } else releaseInside(pass, saved);
    pass.release(saved.input);
  }
  if (embeddingLora) loraEmbeddingBackward(pass, embeddingLora, tokens, dStream);
  tableGradient(pass, dStream, tokens, embedding, shape.embeddingScale);
  return dStream;
};
