/** What every decoder architecture answers: its sizes, and where each Hugging Face tensor goes. @module */
import type { Effect } from "effect";
import type { ModelError } from "./model_error.ts";

/** Sizes of a decoder-only transformer. */
export interface ModelShape {
  readonly modelType: string;
  /** Rows of the embedding. */
  readonly vocab: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  /** Heads of keys and values; divides `heads`. */
  readonly kvHeads: number;
  readonly headDim: number;
  /** Added to the mean square in RMSNorm. */
  readonly normEps: number;
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number;
  /** Longest sequence. */
  readonly maxPositions: number;
  /** The head is the embedding. */
  readonly tiedHead: boolean;
  /** Standard deviation of a fresh weight. */
  readonly initializerRange: number;
}

/** One Hugging Face module inside a fused linear: it fills the weight's rows `[from, to)`. */
export interface LinearPart {
  /** Last name of the module, such as `q_proj`. */
  readonly module: string;
  /** Full path of the module; its tensor is `${path}.weight`. */
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** A linear as the GPU holds it: several modules of one input, stacked. */
export interface FusedLinear {
  /** Name of its parameter, such as `layers.0.qkv`. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly parts: ReadonlyArray<LinearPart>;
}

/** A family of models that share a `model_type`. */
export interface Architecture {
  readonly modelType: string;
  /** Reads `config.json`; refuses a field that changes the computation and is not implemented. */
  decode(config: Readonly<Record<string, unknown>>): Effect.Effect<ModelShape, ModelError>;
  /** The linears of layer `index`, in the order qkv, output, gateUp, down. */
  linears(shape: ModelShape, index: number): ReadonlyArray<FusedLinear>;
  /** Names of the tensors that are not linears of a layer. */
  readonly tensors: {
    readonly embedding: string;
    readonly head: string;
    readonly finalGain: string;
    attentionGain(index: number): string;
    feedForwardGain(index: number): string;
  };
}
