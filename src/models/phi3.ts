/** Phi-3 and Phi-4 (`model_type: "phi3"`): stacked linears in the file, heads that turn in part. @module */
import type { Architecture, ModelShape } from "./architecture.ts";
import { count, decoding, type Fields, flag, optionalCount, positive } from "./config_fields.ts";
import { fusedLinears, preNormTensors } from "./layer_tensors.ts";
import { readRotary, type RotaryType } from "./rotary_settings.ts";
import { readActivation, readSizes } from "./shape_fields.ts";
import { refuseUnimplemented } from "./unimplemented_fields.ts";

// "su" and "yarn" are what earlier versions of these models called LongRoPE.
const rotaryTypes: ReadonlyMap<unknown, RotaryType> = new Map([
  ["default", "default"],
  ["longrope", "longrope"],
  ["su", "longrope"],
  ["yarn", "longrope"],
]);

const readShape = (config: Fields): ModelShape => {
  refuseUnimplemented(config, "phi3", ["partial_rotary_factor", "sliding_window"]);
  const sizes = readSizes(config, { normEps: 1e-5, maxPositions: 4096 });
  const { rotary, maxPositions } = readRotary(config, sizes, {
    theta: 10_000,
    types: rotaryTypes,
    partial: positive(config, "partial_rotary_factor", 1),
    trainedPositions: count(config, "original_max_position_embeddings", { fallback: 4096 }),
  });
  const window = optionalCount(config, "sliding_window");
  const rule = window === undefined ? { rotary } : { window, rotary };
  return {
    modelType: "phi3",
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

/** Phi-3 mini and medium, Phi-3.5 mini, Phi-4 and Phi-4 mini. */
export const phi3: Architecture = {
  modelType: "phi3",
  decode: (config) => decoding(config, readShape),
  linears: fusedLinears,
  tensors: preNormTensors(),
};
