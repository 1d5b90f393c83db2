/** Llama (`model_type: "llama"`): grouped-query attention, rotary positions, SwiGLU. @module */
import type { Architecture, ModelShape } from "./architecture.ts";
import { decoding, type Fields, flag } from "./config_fields.ts";
import { preNormTensors, separateLinears } from "./layer_tensors.ts";
import { readRotary } from "./rotary_settings.ts";
import { readActivation, readSizes } from "./shape_fields.ts";
import { refuseUnimplemented } from "./unimplemented_fields.ts";

const readShape = (config: Fields): ModelShape => {
  refuseUnimplemented(config, "llama", ["attention_bias", "mlp_bias"]);
  const sizes = readSizes(config, { normEps: 1e-6, maxPositions: 2048 });
  const { rotary, maxPositions } = readRotary(config, sizes, { theta: 10_000 });
  const attentionBias = flag(config, "attention_bias", false);
  return {
    modelType: "llama",
    ...sizes,
    maxPositions,
    gainOffset: 0,
    activation: readActivation(config),
    embeddingScale: 1,
    attentionScale: sizes.headDim ** -0.5,
    biases: {
      qkv: attentionBias,
      output: attentionBias,
      feedForward: flag(config, "mlp_bias", false),
    },
    layerRules: Array.from({ length: sizes.layers }, () => ({ rotary })),
    tiedHead: flag(config, "tie_word_embeddings", false),
  };
};

/** Llama 2 and 3, TinyLlama, SmolLM2 and whatever else says `model_type: "llama"`. */
export const llama: Architecture = {
  modelType: "llama",
  decode: (config) => decoding(config, readShape),
  linears: separateLinears,
  tensors: preNormTensors(),
};
