/** Qwen 3 (`model_type: "qwen3"`): Llama with a norm of every query head and key head. @module */
import type { Architecture, ModelShape } from "./architecture.ts";
import { decoding, type Fields, flag } from "./config_fields.ts";
import { preNormTensors, separateLinears } from "./layer_tensors.ts";
import { qwenLayerRules } from "./qwen2.ts";
import { readRotary } from "./rotary_settings.ts";
import { readActivation, readSizes } from "./shape_fields.ts";
import { refuseUnimplemented } from "./unimplemented_fields.ts";

const readShape = (config: Fields): ModelShape => {
  refuseUnimplemented(config, "qwen3", ["attention_bias", "sliding_window", "layer_types"]);
  const sizes = readSizes(config, {
    normEps: 1e-6,
    maxPositions: 32_768,
    kvHeads: 32,
    headDim: 128,
  });
  const { rotary, maxPositions } = readRotary(config, sizes, { theta: 10_000 });
  const attentionBias = flag(config, "attention_bias", false);
  return {
    modelType: "qwen3",
    ...sizes,
    maxPositions,
    gainOffset: 0,
    activation: readActivation(config),
    embeddingScale: 1,
    attentionScale: sizes.headDim ** -0.5,
    biases: { qkv: attentionBias, output: attentionBias, feedForward: false },
    layerRules: qwenLayerRules(config, sizes.layers, rotary),
    tiedHead: flag(config, "tie_word_embeddings", false),
  };
};

/** Qwen 3 without experts. */
export const qwen3: Architecture = {
  modelType: "qwen3",
  decode: (config) => decoding(config, readShape),
  linears: separateLinears,
  tensors: preNormTensors({ headNorms: true }),
};
