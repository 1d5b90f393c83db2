/** SmolLM3 (`model_type: "smollm3"`): Llama in which some layers know no positions. @module */
import type { Architecture, ModelShape } from "./architecture.ts";
import { choice, count, decoding, type Fields, flag, optionalList } from "./config_fields.ts";
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

const implemented = [
  "attention_bias",
  "layer_types",
  "mlp_bias",
  "no_rope_layers",
  "sliding_window",
];

const turning: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [0, false],
  [1, true],
  [false, false],
  [true, true],
]);

/** `no_rope_layers`, in which 1 stands for a layer that does turn; else all but every so manyth do. */
const readTurning = (config: Fields, layers: number): ReadonlyArray<boolean> => {
  const interval = count(config, "no_rope_layer_interval", { fallback: 4 });
  return optionalList(config, "no_rope_layers", layers, {
    item: (items, index) => choice(items, index, turning, "missing"),
    atLeast: true,
  }) ?? Array.from({ length: layers }, (_, layer) => (layer + 1) % interval !== 0);
};

const readShape = (config: Fields): ModelShape => {
  refuseUnimplemented(config, "smollm3", implemented);
  const sizes = readSizes(config, { normEps: 1e-6, maxPositions: 32_768, kvHeads: 4 });
  const { rotary, maxPositions } = readRotary(config, sizes, { theta: 2_000_000 });
  const turns = readTurning(config, sizes.layers);
  const window = readSwitchedWindow(config);
  const slides = (layer: number) => window.size !== undefined && !turns[layer];
  const kinds = readLayerKinds(config, sizes.layers, slides);
  const attentionBias = flag(config, "attention_bias", false);
  return {
    modelType: "smollm3",
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
    layerRules: layerRules(config, kinds, window, (_, layer) => turns[layer] ? rotary : undefined),
    tiedHead: flag(config, "tie_word_embeddings", true),
  };
};

/** SmolLM3 3B. */
export const smollm3: Architecture = {
  modelType: "smollm3",
  decode: (config) => decoding(config, readShape),
  linears: separateLinears,
  tensors: preNormTensors(),
};
