/** Mistral (`model_type: "mistral"`): Llama whose layers all see a sliding window, if any. @module */
import type { Architecture, ModelShape } from "./architecture.ts";
import { decoding, type Fields, flag, optionalCount } from "./config_fields.ts";
import { preNormTensors, separateLinears } from "./layer_tensors.ts";
import { readRotary } from "./rotary_settings.ts";
import { readActivation, readSizes } from "./shape_fields.ts";
import { refuseUnimplemented } from "./unimplemented_fields.ts";

const readShape = (config: Fields): ModelShape => {
  refuseUnimplemented(config, "mistral", ["sliding_window"]);
  const sizes = readSizes(config, { normEps: 1e-6, maxPositions: 131_072, kvHeads: 8 });
  const { rotary, maxPositions } = readRotary(config, sizes, { theta: 10_000 });
  const window = optionalCount(config, "sliding_window", 4096);
  const rule = window === undefined ? { rotary } : { window, rotary };
  return {
    modelType: "mistral",
    ...sizes,
    maxPositions,
    gainOffset: 0,
    activation: readActivation(config),
    embeddingScale: 1,
    attentionScale: sizes.headDim ** -0.5,
    biases: { qkv: false, output: false, feedForward: false },
    layerRules: Array.from({ length: sizes.layers }, () => rule),
    tiedHead: flag(config, "tie_word_embeddings", false),
  };
};

/** Mistral 7B in its versions, Mistral Nemo and their kin. */
export const mistral: Architecture = {
  modelType: "mistral",
  decode: (config) => decoding(config, readShape),
  linears: separateLinears,
  tensors: preNormTensors(),
};
