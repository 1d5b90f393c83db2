/** Gemma 3 without images (`model_type: "gemma3_text"`): head norms, layers that turn by their kind. @module */
import type { Architecture, ModelShape } from "./architecture.ts";
import {
  badField,
  count,
  decoding,
  type Fields,
  flag,
  optionalFields,
  optionalPositive,
  positive,
} from "./config_fields.ts";
import { sandwichTensors, separateLinears } from "./layer_tensors.ts";
import { readSettings, type RotaryPlan } from "./rotary_settings.ts";
import {
  type LayerKind,
  layerRules,
  readGemmaActivation,
  readLayerKinds,
  readSizes,
  readWindow,
  type Sizes,
} from "./shape_fields.ts";
import { refuseUnimplemented } from "./unimplemented_fields.ts";

// attn_logit_softcapping is not among them: transformers keeps it but never applies it.
const implemented = [
  "attention_bias",
  "final_logit_softcapping",
  "layer_types",
  "rope_local_base_freq",
  "sliding_window",
];

const kinds: ReadonlyArray<LayerKind> = ["full_attention", "sliding_attention"];
const none: Fields = { values: {}, path: "" };

/** transformers 4 scales the full layers alone; 5 has an object of settings for each kind. */
const rotariesOf = (config: Fields, sizes: Sizes): Readonly<Record<LayerKind, RotaryPlan>> => {
  const scaling = optionalFields(config, "rope_scaling");
  const nested = optionalFields(config, "rope_parameters");
  if (scaling && nested) throw badField(config, "rope_scaling", "null beside rope_parameters");
  const stray = Object.keys(nested?.values ?? {}).find((key) =>
    !kinds.some((kind) => kind === key)
  );
  if (nested && stray !== undefined) {
    throw badField(nested, stray, `absent, as only ${kinds.join(" and ")} have settings,`);
  }
  const plan = (settings: Fields | undefined, theta: number): RotaryPlan =>
    readSettings(settings ?? none, {
      headDim: sizes.headDim,
      maxPositions: sizes.maxPositions,
      theta,
    });
  const of = (kind: LayerKind) => nested && optionalFields(nested, kind);
  return {
    full_attention: plan(
      scaling ?? of("full_attention"),
      positive(config, "rope_theta", 1_000_000),
    ),
    sliding_attention: plan(
      of("sliding_attention"),
      positive(config, "rope_local_base_freq", 10_000),
    ),
  };
};

const readShape = (config: Fields): ModelShape => {
  refuseUnimplemented(config, "gemma3_text", implemented);
  const sizes = readSizes(config, {
    normEps: 1e-6,
    maxPositions: 131_072,
    kvHeads: 4,
    headDim: 256,
    heads: 8,
    vocab: 262_208,
  });
  const rotaries = rotariesOf(config, sizes);
  const attentionBias = flag(config, "attention_bias", false);
  const logitSoftCap = optionalPositive(config, "final_logit_softcapping");
  const pattern = count(config, "sliding_window_pattern", { fallback: 6 });
  const layers = readLayerKinds(config, sizes.layers, (layer) => (layer + 1) % pattern !== 0);
  return {
    modelType: "gemma3_text",
    ...sizes,
    maxPositions: Math.min(...layers.map((kind) => rotaries[kind].maxPositions)),
    gainOffset: 1,
    activation: readGemmaActivation(config),
    embeddingScale: Math.sqrt(sizes.hidden),
    attentionScale: positive(config, "query_pre_attn_scalar", 256) ** -0.5,
    ...logitSoftCap === undefined ? {} : { logitSoftCap },
    biases: { qkv: attentionBias, output: attentionBias, feedForward: false },
    layerRules: layerRules(
      config,
      layers,
      readWindow(config, 4096),
      (kind) => rotaries[kind].rotary,
    ),
    tiedHead: flag(config, "tie_word_embeddings", true),
  };
};

/** Gemma 3 270M and 1B, and the text part of the larger ones. */
export const gemma3Text: Architecture = {
  modelType: "gemma3_text",
  decode: (config) => decoding(config, readShape),
  linears: separateLinears,
  tensors: sandwichTensors({ headNorms: true }),
};
