/** A decoder on the GPU: loading its weights, the forward through its layers, and the backward. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Attend, RaggedAttention } from "../nn/attention_block.ts";
import {
  type DecoderLayer,
  layerBackward,
  layerForward,
  releaseInside,
  type SavedLayer,
} from "../nn/decoder_layer.ts";
import type { TrainingMode } from "../nn/lora_linear.ts";
import {
  allocateParameters,
  type Parameter,
  parameter,
  type Parameters,
  type ParameterSpec,
} from "../nn/parameters.ts";
import { embed } from "../ops/embedding.ts";
import { embeddingGradient } from "../ops/embedding_gradient.ts";
import { fill } from "../ops/fill.ts";
import { rmsNorm, rmsNormBackward } from "../ops/rms_norm.ts";
import { wholeTable } from "../ops/vocabulary_table.ts";
import type { Weights } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { Architecture, FusedLinear, ModelShape } from "./architecture.ts";
import { rotationTable } from "./rotations.ts";

/** The weights of a model on the GPU, ready to run. */
export interface Decoder {
  readonly architecture: Architecture;
  readonly shape: ModelShape;
  /** Rows of embedding and head: `shape.vocab` and the new tokens behind it. */
  readonly rows: number;
  readonly parameters: Parameters;
  readonly embedding: Parameter;
  /** The embedding itself when the head is tied. */
  readonly head: Parameter;
  readonly finalGain: Parameter;
  readonly layers: ReadonlyArray<DecoderLayer>;
  /** Cosines and sines by position `[maxPositions, headDim]`. */
  readonly rotations: Tensor;
  /** Every row id, for the gradient of the whole embedding; only when it is trained. */
  readonly allRows?: Tensor;
}

/** How to load a model. */
export interface LoadOptions {
  /** Give every weight a gradient (full-parameter training). */
  readonly trainable?: boolean;
  /** Rows to add behind embedding and head for new tokens; they start at zero. */
  readonly newTokens?: number;
}

/** A parameter and the Hugging Face tensors it is stacked from. */
interface Stacked extends ParameterSpec {
  readonly sources: ReadonlyArray<{ readonly name: string; readonly shape: ReadonlyArray<number> }>;
}

const ofLinear = ({ name, inputs, outputs, parts }: FusedLinear): Stacked => ({
  name,
  shape: [outputs, inputs],
  sources: parts.map(({ path, from, to }) => ({
    name: `${path}.weight`,
    shape: [to - from, inputs],
  })),
});

/** Every parameter of the model with the tensors that fill it, in the order they lie in memory. */
export const stackedTensors = (
  architecture: Architecture,
  shape: ModelShape,
  newTokens: number,
): ReadonlyArray<Stacked> => {
  const { tensors } = architecture;
  const { vocab, hidden } = shape;
  const gain = (name: string, source: string): Stacked => ({
    name,
    shape: [hidden],
    sources: [{ name: source, shape: [hidden] }],
  });
  const table = (name: string, source: string): Stacked => ({
    name,
    shape: [vocab + newTokens, hidden],
    sources: [{ name: source, shape: [vocab, hidden] }],
  });
  return [
    table("embedding", tensors.embedding),
    ...Array.from({ length: shape.layers }, (_, index) => [
      gain(`layers.${index}.attentionGain`, tensors.gains(index).attention),
      gain(`layers.${index}.feedForwardGain`, tensors.gains(index).feedForward),
      ...architecture.linears(shape, index).map(ofLinear),
    ]).flat(),
    gain("finalGain", tensors.finalGain),
    ...shape.tiedHead ? [] : [table("head", tensors.head)],
  ];
};

const readStacked = (weights: Weights) => (spec: Stacked) =>
  Effect.gen(function* () {
    const data = new Float32Array(sizeOf(spec.shape));
    let at = 0;
    for (const { name, shape } of spec.sources) {
      data.set((yield* weights.read(name, shape)).data, at);
      at += sizeOf(shape);
    }
    return data;
  });

/** Reads `weights` onto the GPU; they live as long as the scope. */
export const loadDecoder = (
  architecture: Architecture,
  shape: ModelShape,
  weights: Weights,
  { trainable = false, newTokens = 0 }: LoadOptions = {},
): Effect.Effect<Decoder, GpuError | WeightsError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const specs = stackedTensors(architecture, shape, newTokens);
    const parameters = yield* allocateParameters(specs, readStacked(weights), trainable);
    const at = (name: string): Parameter => parameter(parameters, name);
    const layers = Array.from({ length: shape.layers }, (_, index): DecoderLayer => ({
      attention: {
        gain: at(`layers.${index}.attentionGain`),
        eps: shape.normEps,
        qkv: { weight: at(`layers.${index}.qkv`) },
        output: { weight: at(`layers.${index}.output`) },
      },
      feedForward: {
        gain: at(`layers.${index}.feedForwardGain`),
        eps: shape.normEps,
        gateUp: { weight: at(`layers.${index}.gateUp`) },
        down: { weight: at(`layers.${index}.down`) },
      },
    }));
    const rows = shape.vocab + newTokens;
    const embedding = at("embedding");
    return {
      architecture,
      shape,
      rows,
      parameters,
      embedding,
      head: shape.tiedHead ? embedding : at("head"),
      finalGain: at("finalGain"),
      layers,
      rotations: yield* gpu.upload(
        rotationTable(shape.layerRules[0]!.rotary!, shape.maxPositions),
        [shape.maxPositions, shape.headDim],
      ),
      ...trainable
        ? {
          allRows: yield* gpu.upload(Uint32Array.from({ length: rows }, (_, row) => row), [rows]),
        }
        : {},
    };
  });

/** What the forward keeps for the backward: everything, only layer inputs (checkpointing), nothing. */
export type Keep = "everything" | "layer_inputs" | "nothing";

/** What {@linkcode decoderForward} leaves behind. */
export interface DecoderForward {
  /** The final hidden states after the last norm `[rows, hidden]`: the head's input. */
  readonly hidden: Tensor;
  /** The residual stream before the last norm `[rows, hidden]`. */
  readonly stream: Tensor;
  readonly rstd: Tensor;
  readonly layers: ReadonlyArray<SavedLayer>;
}

/** `tokens [rows]` u32 → the hidden states that the head reads. */
export const decoderForward = (
  pass: Pass,
  decoder: Decoder,
  tokens: Tensor,
  attend: (layer: number) => Attend,
  { keep = "nothing", mode, onLayer }: {
    readonly keep?: Keep;
    readonly mode?: TrainingMode;
    /** Sees the residual stream after each layer, before it may be released. */
    readonly onLayer?: (pass: Pass, stream: Tensor, layer: number) => void;
  } = {},
): DecoderForward => {
  let stream = embed(pass, wholeTable(decoder.embedding.value), tokens);
  const layers: SavedLayer[] = [];
  for (const [index, layer] of decoder.layers.entries()) {
    const { y, saved } = layerForward(pass, layer, stream, attend(index), mode);
    if (keep === "everything") layers.push(saved);
    else {
      releaseInside(pass, saved);
      if (keep === "layer_inputs") layers.push({ input: stream });
      else pass.release(stream);
    }
    stream = y;
    onLayer?.(pass, stream, index);
  }
  const { y: hidden, rstd } = rmsNorm(
    pass,
    stream,
    decoder.finalGain.value,
    decoder.shape.normEps,
  );
  return { hidden, stream, rstd, layers };
};

/**
 * Takes `dHidden [rows, hidden]` back to the embedding: adds every trained parameter's gradient and
 * returns the gradient of the embedded tokens `[rows, hidden]`.
 */
export const decoderBackward = (
  pass: Pass,
  decoder: Decoder,
  tokens: Tensor,
  forward: DecoderForward,
  dHidden: Tensor,
  attend: RaggedAttention,
  mode?: TrainingMode,
): Tensor => {
  const { finalGain, embedding, allRows } = decoder;
  const dStream = pass.tensor(dHidden.shape);
  fill(pass, dStream, 0);
  rmsNormBackward(
    pass,
    { x: forward.stream, gain: finalGain.value, rstd: forward.rstd, dY: dHidden },
    { dX: dStream, ...finalGain.gradient ? { dGain: finalGain.gradient } : {} },
  );
  pass.release(forward.stream, forward.rstd, forward.hidden);
  for (let index = decoder.layers.length - 1; index >= 0; index--) {
    const saved = forward.layers[index]!;
    layerBackward(pass, decoder.layers[index]!, saved, dStream, attend, mode);
    pass.release(saved.input);
  }
  if (embedding.gradient && allRows) {
    embeddingGradient(pass, dStream, tokens, allRows, embedding.gradient);
  }
  return dStream;
};
