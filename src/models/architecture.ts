/** What every decoder architecture answers: its sizes, and where each Hugging Face tensor goes. @module */
import type { Effect } from "effect";
import type { ModelError } from "./model_error.ts";

/** Rotary positions: the pair i of a head turns by position · inverseFrequencies[i] radians. */
export interface Rotary {
  /** One for each turned pair; where they are fewer than headDim / 2, the rest of a head stays. */
  readonly inverseFrequencies: ReadonlyArray<number>;
  /** Factor of every cosine and sine; 1 but under some scalings of long contexts. */
  readonly factor: number;
}

/** How one layer attends. */
export interface LayerRule {
  /** How many keys a query sees, its own among them; absent: all before it. */
  readonly window?: number;
  /** Absent: the layer knows no positions. Layers that turn alike share one object. */
  readonly rotary?: Rotary;
}

/** Sizes and rules of a decoder-only transformer. */
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
  /** What a norm adds to the gain that is stored: 1 in Gemma, which stores gain − 1; else 0. */
  readonly gainOffset: number;
  /** Gate of the feed-forward. */
  readonly activation: "silu" | "gelu_tanh";
  /** Factor of the embedded tokens: √hidden in Gemma; else 1. */
  readonly embeddingScale: number;
  /** Factor of query · key. */
  readonly attentionScale: number;
  /** Scores become cap · tanh(score / cap). */
  readonly attentionSoftCap?: number;
  /** Logits become cap · tanh(logit / cap). */
  readonly logitSoftCap?: number;
  /** Which linears have a bias beside the weight. */
  readonly biases: {
    readonly qkv: boolean;
    readonly output: boolean;
    /** Of gateUp and down. */
    readonly feedForward: boolean;
  };
  /** One for each layer. */
  readonly layerRules: ReadonlyArray<LayerRule>;
  /** Longest sequence for which the rules above are exact. */
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
  /** Every part has a bias beside its weight, `${path}.bias`. */
  readonly bias: boolean;
}

/** Where the gains of a layer's norms are stored; the optional ones only where the family has them. */
export interface LayerGains {
  /** Before attention. */
  readonly attention: string;
  /** Before the feed-forward. */
  readonly feedForward: string;
  /** Of what attention adds to the residual stream `[hidden]`. */
  readonly attentionOutput?: string;
  /** Of what the feed-forward adds to the residual stream `[hidden]`. */
  readonly feedForwardOutput?: string;
  /** Of each query head and each key head `[headDim]`. */
  readonly heads?: { readonly query: string; readonly key: string };
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
    gains(index: number): LayerGains;
  };
}
