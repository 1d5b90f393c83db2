/** Gemma (`model_type: "gemma"`): scaled embedding, gains stored less 1, GeGLU, tied head. @module */
import type { Architecture, ModelShape } from "./architecture.ts";
import { decoding, type Fields, flag } from "./config_fields.ts";
import { preNormTensors, separateLinears } from "./layer_tensors.ts";
import { readRotary } from "./rotary_settings.ts";
import { readGemmaActivation, readSizes } from "./shape_fields.ts";
import { refuseUnimplemented } from "./unimplemented_fields.ts";

const readShape = (config: Fields): ModelShape => {
  refuseUnimplemented(config, "gemma", ["attention_bias"]);
  const sizes = readSizes(config, {
    normEps: 1e-6,
    maxPositions: 8192,
    kvHeads: 16,
    headDim: 256,
  });
  const { rotary, maxPositions } = readRotary(config, sizes, { theta: 10_000 });
  const attentionBias = flag(config, "attention_bias", false);
  return {
    modelType: "gemma",
    ...sizes,
    maxPositions,
    gainOffset: 1,
    activation: readGemmaActivation(config),
    embeddingScale: Math.sqrt(sizes.hidden),
    attentionScale: sizes.headDim ** -0.5,
    biases: { qkv: attentionBias, output: attentionBias, feedForward: false },
    layerRules: Array.from({ length: sizes.layers }, () => ({ rotary })),
    tiedHead: flag(config, "tie_word_embeddings", true),
  };
};

/** Gemma 1 and 1.1. */
export const gemma: Architecture = {
  modelType: "gemma",
  decode: (config) => decoding(config, readShape),
  linears: separateLinears,
  tensors: preNormTensors(),
};
