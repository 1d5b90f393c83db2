/** Qwen 2 and 2.5 (`model_type: "qwen2"`): Llama with biases of queries, keys and values. @module */
import type { Architecture, LayerRule, ModelShape, Rotary } from "./architecture.ts";
import { count, decoding, type Fields, flag } from "./config_fields.ts";
import { preNormTensors, separateLinears } from "./layer_tensors.ts";
import { readRotary } from "./rotary_settings.ts";
import {
  layerRules,
  readActivation,
  readLayerKinds,
  readSizes,
  readSwitchedWindow,
} from "./shape_fields.ts";
import { refuseUnimplemented } from "./unimplemented_fields.ts";

/** Windows of Qwen 2 and 3: of the layers from `max_window_layers` on, where they are used at all. */
export const qwenLayerRules = (
  config: Fields,
  layers: number,
  rotary: Rotary,
): ReadonlyArray<LayerRule> => {
  const window = readSwitchedWindow(config, 4096);
  const full = config.values["max_window_layers"] === 0
    ? 0
    : count(config, "max_window_layers", { fallback: 28 });
  const slides = (layer: number) => window.size !== undefined && layer >= full;
  const kinds = readLayerKinds(config, layers, slides);
  return layerRules(config, kinds, window, () => rotary);
};

const readShape = (config: Fields): ModelShape => {
  // attention_bias is not read: the biases are always there.
  refuseUnimplemented(config, "qwen2", ["attention_bias", "sliding_window", "layer_types"]);
  const sizes = readSizes(config, { normEps: 1e-6, maxPositions: 32_768, kvHeads: 32 });
  const { rotary, maxPositions } = readRotary(config, sizes, { theta: 10_000 });
  return {
    modelType: "qwen2",
    ...sizes,
    maxPositions,
    gainOffset: 0,
    activation: readActivation(config),
    embeddingScale: 1,
    attentionScale: sizes.headDim ** -0.5,
    biases: { qkv: true, output: false, feedForward: false },
    layerRules: qwenLayerRules(config, sizes.layers, rotary),
    tiedHead: flag(config, "tie_word_embeddings", false),
  };
};

/** Qwen 2 and 2.5 without images. */
export const qwen2: Architecture = {
  modelType: "qwen2",
  decode: (config) => decoding(config, readShape),
  linears: separateLinears,
  tensors: preNormTensors(),
};
