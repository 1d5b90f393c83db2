/** Reads what every decoder's `config.json` has: its sizes, its activation and its layers' windows. @module */
import type { LayerRule, ModelShape, Rotary } from "./architecture.ts";
import {
  badField,
  choice,
  count,
  type Fields,
  flag,
  optionalCount,
  optionalList,
  positive,
} from "./config_fields.ts";

/** More layers than any published model has; a shape holds a rule for each. */
export const MOST_LAYERS = 1024;
/** More elements than any published model's heads have. */
export const MOST_HEAD_DIM = 1024;

/** What an architecture assumes where `config.json` leaves a field out. */
export interface SizeDefaults {
  readonly normEps: number;
  readonly maxPositions: number;
  /** Missing: as many as `heads`. */
  readonly kvHeads?: number;
  /** Missing: hidden / heads. */
  readonly headDim?: number;
  /** Missing: `config.json` has to say it. */
  readonly heads?: number;
  readonly vocab?: number;
}

/** The sizes among the fields of a shape. */
export type Sizes = Pick<
  ModelShape,
  | "vocab"
  | "hidden"
  | "intermediate"
  | "layers"
  | "heads"
  | "kvHeads"
  | "headDim"
  | "normEps"
  | "maxPositions"
  | "initializerRange"
>;

/** Reads the sizes; null stands for the usual `num_key_value_heads` and `head_dim`. */
export const readSizes = (config: Fields, defaults: SizeDefaults): Sizes => {
  const orElse = (fallback?: number) => fallback === undefined ? {} : { fallback };
  const hidden = count(config, "hidden_size");
  const heads = count(config, "num_attention_heads", orElse(defaults.heads));
  const kvHeads = optionalCount(config, "num_key_value_heads", defaults.kvHeads) ?? heads;
  if (heads % kvHeads !== 0) {
    throw badField(config, "num_key_value_heads", `a divisor of ${heads} (num_attention_heads)`);
  }
  return {
    vocab: count(config, "vocab_size", orElse(defaults.vocab)),
    hidden,
    intermediate: count(config, "intermediate_size"),
    layers: count(config, "num_hidden_layers", { most: MOST_LAYERS }),
    heads,
    kvHeads,
    headDim: readHeadDim(config, hidden, heads, defaults.headDim),
    normEps: positive(config, "rms_norm_eps", defaults.normEps),
    maxPositions: count(config, "max_position_embeddings", { fallback: defaults.maxPositions }),
    initializerRange: positive(config, "initializer_range", 0.02),
  };
};

const readHeadDim = (config: Fields, hidden: number, heads: number, fallback?: number): number => {
  const stated = optionalCount(config, "head_dim", fallback);
  const headDim = stated ?? hidden / heads;
  // Kernels read heads four elements at a time.
  if (headDim % 4 === 0 && headDim <= MOST_HEAD_DIM) return headDim;
  const expected = `a multiple of 4 up to ${MOST_HEAD_DIM}`;
  throw stated === undefined
    ? badField(config, "hidden_size", `num_attention_heads (${heads}) times ${expected}`)
    : badField(config, "head_dim", expected);
};

// gelu_new and gelu_fast are other spellings of the tanh approximation; plain gelu is none.
const activations: ReadonlyMap<unknown, ModelShape["activation"]> = new Map([
  ["silu", "silu"],
  ["swish", "silu"],
  ["gelu_pytorch_tanh", "gelu_tanh"],
  ["gelu_new", "gelu_tanh"],
  ["gelu_fast", "gelu_tanh"],
]);

/** The activation of `hidden_act`; "silu" where it is missing. */
export const readActivation = (config: Fields): ModelShape["activation"] =>
  choice(config, "hidden_act", activations, "silu");

// Gemma 1 was published as "gelu" while it was trained with the tanh approximation.
const gemmaActivations: typeof activations = new Map([...activations, ["gelu", "gelu_tanh"]]);

/** Gemma's activation, which stands in `hidden_act`, in `hidden_activation` or in both. */
export const readGemmaActivation = (config: Fields): ModelShape["activation"] => {
  const named = ["hidden_act", "hidden_activation"].filter((field) =>
    (config.values[field] ?? null) !== null
  );
  const [first = "gelu_tanh", second = first] = named.map((field) =>
    choice(config, field, gemmaActivations, "gelu")
  );
  if (first === second) return first;
  throw badField(config, "hidden_activation", "the same as hidden_act");
};

/** What a layer of `layer_types` sees. */
export type LayerKind = "full_attention" | "sliding_attention";

const kinds: ReadonlyMap<unknown, LayerKind> = new Map([
  ["full_attention", "full_attention"],
  ["sliding_attention", "sliding_attention"],
]);

/** `layer_types`; where that is missing, `otherwise` says which layers slide. */
export const readLayerKinds = (
  config: Fields,
  layers: number,
  otherwise: (layer: number) => boolean,
): ReadonlyArray<LayerKind> =>
  optionalList(config, "layer_types", layers, {
    item: (items, index) => choice(items, index, kinds, "missing"),
  }) ?? Array.from(
    { length: layers },
    (_, layer) => otherwise(layer) ? "sliding_attention" : "full_attention",
  );

/** The window of layers that slide. */
export interface SlidingWindow {
  readonly size: number | undefined;
  /** The field that says so where there is none. */
  readonly field: "sliding_window" | "use_sliding_window";
}

/** `sliding_window`, of families that have no switch for it. */
export const readWindow = (config: Fields, fallback?: number): SlidingWindow => ({
  size: optionalCount(config, "sliding_window", fallback),
  field: "sliding_window",
});

/** `sliding_window` if `use_sliding_window` is set. */
export const readSwitchedWindow = (config: Fields, fallback?: number): SlidingWindow => {
  const window = readWindow(config, fallback);
  const used = flag(config, "use_sliding_window", false);
  return used ? window : { size: undefined, field: "use_sliding_window" };
};

/** The rule of each layer; one that slides needs a window. */
export const layerRules = (
  config: Fields,
  layers: ReadonlyArray<LayerKind>,
  { size, field }: SlidingWindow,
  rotaryOf: (kind: LayerKind, layer: number) => Rotary | undefined,
): ReadonlyArray<LayerRule> =>
  layers.map((kind, layer) => {
    const rotary = rotaryOf(kind, layer);
    const turning = rotary ? { rotary } : {};
    if (kind === "full_attention") return turning;
    if (size !== undefined) return { window: size, ...turning };
    throw badField(config, field, "set, as some layers are of sliding_attention,");
  });
