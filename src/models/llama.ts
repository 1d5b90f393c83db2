/** The Llama family (`model_type: "llama"`): grouped-query attention, rotary positions, SwiGLU. @module */
import { Effect } from "effect";
import type { Architecture, FusedLinear, ModelShape } from "./architecture.ts";
import { ModelError } from "./model_error.ts";

type Config = Readonly<Record<string, unknown>>;

const wrong = (field: string, expected: string, actual: unknown): ModelError =>
  new ModelError({
    reason: { _tag: "BadField", field, expected, actual: JSON.stringify(actual) ?? "missing" },
  });

const positive = (config: Config, field: string, fallback?: number): number => {
  const value = config[field] ?? fallback;
  if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value;
  throw wrong(field, "a positive number", value);
};

const count = (config: Config, field: string, fallback?: number): number => {
  const value = positive(config, field, fallback);
  if (Number.isInteger(value)) return value;
  throw wrong(field, "a whole number", value);
};

// Fields that change the computation: any value but these is refused rather than ignored.
const implemented: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  hidden_act: ["silu"],
  attention_bias: [false],
  mlp_bias: [false],
  rope_scaling: [null],
  rope_type: ["default"],
  pretraining_tp: [1],
};

// transformers 5 gathers the rotary settings in one object; before, they were fields of their own.
const gathered = (config: Config): Config => {
  const settings = config["rope_parameters"];
  return typeof settings === "object" && settings !== null ? { ...config, ...settings } : config;
};

const decodeShape = (written: Config): ModelShape => {
  const config = gathered(written);
  for (const field in implemented) {
    const allowed = implemented[field]!;
    const value = config[field] ?? allowed[0];
    if (!allowed.includes(value)) throw wrong(field, JSON.stringify(allowed[0]), value);
  }
  const hidden = count(config, "hidden_size");
  const heads = count(config, "num_attention_heads");
  const kvHeads = count(config, "num_key_value_heads", heads);
  if (heads % kvHeads !== 0) {
    throw wrong("num_key_value_heads", `a divisor of ${heads} (num_attention_heads)`, kvHeads);
  }
  const headDim = count(config, "head_dim", hidden / heads);
  if (headDim % 4 !== 0) throw wrong("head_dim", "a multiple of 4", headDim);
  const layers = count(config, "num_hidden_layers");
  const theta = positive(config, "rope_theta", 10_000);
  const rotary = {
    inverseFrequencies: Array.from({ length: headDim / 2 }, (_, i) => theta ** (-2 * i / headDim)),
    factor: 1,
  };
  return {
    modelType: "llama",
    vocab: count(config, "vocab_size"),
    hidden,
    intermediate: count(config, "intermediate_size"),
    layers,
    heads,
    kvHeads,
    headDim,
    normEps: positive(config, "rms_norm_eps", 1e-6),
    gainOffset: 0,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 1 / Math.sqrt(headDim),
    layerRules: Array.from({ length: layers }, () => ({ rotary })),
    maxPositions: count(config, "max_position_embeddings", 2048),
    tiedHead: config["tie_word_embeddings"] === true,
    initializerRange: positive(config, "initializer_range", 0.02),
  };
};

const stacked = (
  name: string,
  inputs: number,
  modules: ReadonlyArray<readonly [path: string, outputs: number]>,
): FusedLinear => {
  let outputs = 0;
  const parts = modules.map(([path, rows]) => {
    const from = outputs;
    outputs += rows;
    return { module: path.slice(path.lastIndexOf(".") + 1), path, from, to: outputs };
  });
  return { name, inputs, outputs, parts, bias: false };
};

/** Llama 2 and 3, TinyLlama, SmolLM2 and whatever else says `model_type: "llama"`. */
export const llama: Architecture = {
  modelType: "llama",
  decode: (config) =>
    Effect.suspend(() => {
      try {
        return Effect.succeed(decodeShape(config));
      } catch (cause) {
        return cause instanceof ModelError ? Effect.fail(cause) : Effect.die(cause);
      }
    }),
  linears: ({ hidden, intermediate, heads, kvHeads, headDim }, index) => {
    const layer = `model.layers.${index}`;
    const attention = `${layer}.self_attn`;
    return [
      stacked(`layers.${index}.qkv`, hidden, [
        [`${attention}.q_proj`, heads * headDim],
        [`${attention}.k_proj`, kvHeads * headDim],
        [`${attention}.v_proj`, kvHeads * headDim],
      ]),
      stacked(`layers.${index}.output`, heads * headDim, [[`${attention}.o_proj`, hidden]]),
      stacked(`layers.${index}.gateUp`, hidden, [
        [`${layer}.mlp.gate_proj`, intermediate],
        [`${layer}.mlp.up_proj`, intermediate],
      ]),
      stacked(`layers.${index}.down`, intermediate, [[`${layer}.mlp.down_proj`, hidden]]),
    ];
  },
  tensors: {
    embedding: "model.embed_tokens.weight",
    head: "lm_head.weight",
    finalGain: "model.norm.weight",
    gains: (index) => ({
      attention: `model.layers.${index}.input_layernorm.weight`,
      feedForward: `model.layers.${index}.post_attention_layernorm.weight`,
    }),
  },
};
