/** Gemma 2 (`model_type: "gemma2"`): soft caps, windows in every other layer, norms after blocks. @module */
import type { Architecture, ModelShape } from "./architecture.ts";
import { decoding, type Fields, flag, optionalPositive, positive } from "./config_fields.ts";
import { sandwichTensors, separateLinears } from "./layer_tensors.ts";
import { readRotary } from "./rotary_settings.ts";
import {
  layerRules,
  readGemmaActivation,
  readLayerKinds,
  readSizes,
  readWindow,
} from "./shape_fields.ts";
import { refuseUnimplemented } from "./unimplemented_fields.ts";

const implemented = [
  "attention_bias",
  "attn_logit_softcapping",
  "final_logit_softcapping",
  "layer_types",
  "sliding_window",
];

const readShape = (config: Fields): ModelShape => {
  refuseUnimplemented(config, "gemma2", implemented);
  const sizes = readSizes(config, { normEps: 1e-6, maxPositions: 8192, kvHeads: 4, headDim: 256 });
  const { rotary, maxPositions } = readRotary(config, sizes, { theta: 10_000 });
  const attentionBias = flag(config, "attention_bias", false);
  const attentionSoftCap = optionalPositive(config, "attn_logit_softcapping", 50);
  const logitSoftCap = optionalPositive(config, "final_logit_softcapping", 30);
  const kinds = readLayerKinds(config, sizes.layers, (layer) => layer % 2 === 0);
  return {
    modelType: "gemma2",
    ...sizes,
    maxPositions,
    gainOffset: 1,
    activation: readGemmaActivation(config),
    embeddingScale: Math.sqrt(sizes.hidden),
    attentionScale: positive(config, "query_pre_attn_scalar", 256) ** -0.5,
    ...attentionSoftCap === undefined ? {} : { attentionSoftCap },
    ...logitSoftCap === undefined ? {} : { logitSoftCap },
    biases: { qkv: attentionBias, output: attentionBias, feedForward: false },
    layerRules: layerRules(config, kinds, readWindow(config, 4096), () => rotary),
    tiedHead: flag(config, "tie_word_embeddings", true),
  };
};

/** Gemma 2. */
export const gemma2: Architecture = {
  modelType: "gemma2",
  decode: (config) => decoding(config, readShape),
  linears: separateLinears,
  tensors: sandwichTensors(),
};
