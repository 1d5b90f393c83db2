import assert from "node:assert/strict";
import { llama } from "../../src/models/llama.ts";
import { assertRefusals, shapeOf, sizesOf, thetaOf, windowsOf } from "./decoding.ts";
import { publishedConfigs } from "./published_configs.ts";

const config = {
  vocab_size: 41,
  hidden_size: 36,
  intermediate_size: 50,
  num_hidden_layers: 2,
  num_attention_heads: 3,
};
const decode = (more: Readonly<Record<string, unknown>>) => shapeOf(llama, { ...config, ...more });

Deno.test("llama.decode() fills in what transformers leaves out", () => {
  assert.deepEqual(sizesOf(decode({})), {
    modelType: "llama",
    vocab: 41,
    hidden: 36,
    intermediate: 50,
    layers: 2,
    heads: 3,
    kvHeads: 3,
    headDim: 12,
    normEps: 1e-6,
    maxPositions: 2048,
    initializerRange: 0.02,
    gainOffset: 0,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 12 ** -0.5,
    biases: { qkv: false, output: false, feedForward: false },
    tiedHead: false,
  });
  assert.equal(thetaOf(decode({})), 10_000);
  assert.deepEqual(windowsOf(decode({})), [0, 0]);
});

Deno.test("llama.decode() reads rotary settings where either version of transformers writes them", () => {
  assert.equal(thetaOf(decode({ rope_theta: 500, rope_scaling: null })), 500);
  const gathered = { rope_type: "default", rope_theta: 500 };
  assert.equal(thetaOf(decode({ rope_theta: 7, rope_parameters: gathered })), 500);
});

Deno.test("llama.decode() reads what is published", () => {
  const llama32 = shapeOf(llama, publishedConfigs["Llama-3.2-1B"]);
  assert.deepEqual(sizesOf(llama32), {
    modelType: "llama",
    vocab: 128_256,
    hidden: 2048,
    intermediate: 8192,
    layers: 16,
    heads: 32,
    kvHeads: 8,
    headDim: 64,
    normEps: 1e-5,
    maxPositions: 131_072,
    initializerRange: 0.02,
    gainOffset: 0,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 0.125,
    biases: { qkv: false, output: false, feedForward: false },
    tiedHead: true,
  });
  assert.equal(llama32.layerRules.length, 16);
  assert.equal(new Set(llama32.layerRules.map(({ rotary }) => rotary)).size, 1);
  const { kvHeads, headDim, maxPositions, tiedHead } = shapeOf(
    llama,
    publishedConfigs["TinyLlama-1.1B-Chat"],
  );
  assert.deepEqual([kvHeads, headDim, maxPositions, tiedHead], [4, 64, 2048, false]);
  const small = shapeOf(llama, publishedConfigs["SmolLM2-135M"]);
  assert.deepEqual([small.heads, small.kvHeads, small.headDim, small.tiedHead], [9, 3, 64, true]);
  assert.equal(thetaOf(small), 100_000);
});

Deno.test("llama.linears() has biases where attention_bias and mlp_bias put them", () => {
  const biasesOf = (more: Readonly<Record<string, unknown>>) =>
    llama.linears(decode(more), 1).map(({ name, bias }) => [name, bias]);
  assert.deepEqual(biasesOf({ attention_bias: true }), [
    ["layers.1.qkv", true],
    ["layers.1.output", true],
    ["layers.1.gateUp", false],
    ["layers.1.down", false],
  ]);
  assert.deepEqual(biasesOf({ mlp_bias: true }).map(([, bias]) => bias), [
    false,
    false,
    true,
    true,
  ]);
});

Deno.test("llama.linears() stacks the modules of each input", () => {
  const [qkv, output, gateUp, down] = llama.linears(decode({ num_key_value_heads: 1 }), 0);
  assert.deepEqual(qkv!.parts, [
    { module: "q_proj", path: "model.layers.0.self_attn.q_proj", from: 0, to: 36 },
    { module: "k_proj", path: "model.layers.0.self_attn.k_proj", from: 36, to: 48 },
    { module: "v_proj", path: "model.layers.0.self_attn.v_proj", from: 48, to: 60 },
  ]);
  assert.deepEqual([output!.inputs, output!.outputs, output!.parts[0]!.module], [36, 36, "o_proj"]);
  assert.deepEqual([gateUp!.inputs, gateUp!.outputs], [36, 100]);
  assert.deepEqual([down!.inputs, down!.outputs, down!.parts[0]!.module], [50, 36, "down_proj"]);
});

const only = (field: string, value: string, found: string) =>
  `${field} should be ${value}, as nothing else is implemented for llama, but is ${found}`;
const whole = (field: string, found: string, most = 16_777_216) =>
  `${field} should be a whole number from 1 to ${most} but is ${found}`;
const set: Readonly<Record<string, unknown>> = { of: 1 };

Deno.test("llama.decode() refuses what would change the computation if it were ignored", () => {
  assertRefusals(llama, config, [
    [{ attention_dropout: 0.1 }, only("attention_dropout", "0", "0.1")],
    [{ resid_pdrop: 0.1 }, only("resid_pdrop", "0", "0.1")],
    [{ embd_pdrop: 0.1 }, only("embd_pdrop", "0", "0.1")],
    [{ attn_pdrop: 0.1 }, only("attn_pdrop", "0", "0.1")],
    [{ hidden_dropout: 0.1 }, only("hidden_dropout", "0", "0.1")],
    [{ quantization_config: set }, only("quantization_config", "null", "an object of of")],
    [{ quantization: set }, only("quantization", "null", "an object of of")],
    [{ per_layer_config: set }, only("per_layer_config", "null", "an object of of")],
    [
      { use_bidirectional_attention: true },
      only("use_bidirectional_attention", "false", "true"),
    ],
    [{ is_causal: false }, only("is_causal", "true", "false")],
    [{ is_encoder_decoder: true }, only("is_encoder_decoder", "false", "true")],
    [{ add_cross_attention: true }, only("add_cross_attention", "false", "true")],
    [{ attention_chunk_size: 8 }, only("attention_chunk_size", "null", "8")],
    [{ attention_multiplier: 2 }, only("attention_multiplier", "null", "2")],
    [{ attn_logit_softcapping: 50 }, only("attn_logit_softcapping", "null", "50")],
    [{ final_logit_softcapping: 30 }, only("final_logit_softcapping", "null", "30")],
    [{ clip_qkv: 8 }, only("clip_qkv", "null", "8")],
    [{ layer_types: ["full_attention"] }, only("layer_types", "null", "a list of 1")],
    [{ sliding_window: 4096 }, only("sliding_window", "null", "4096")],
    [{ num_kv_shared_layers: 1 }, only("num_kv_shared_layers", "0", "1")],
    [{ qk_layernorm: true }, only("qk_layernorm", "false", "true")],
    [{ use_qk_layernorm: true }, only("use_qk_layernorm", "false", "true")],
    [{ use_qk_norm: true }, only("use_qk_norm", "false", "true")],
    [{ no_rope_layers: [1, 0] }, only("no_rope_layers", "null", "a list of 2")],
    [{ partial_rotary_factor: 0.5 }, only("partial_rotary_factor", "1", "0.5")],
    [{ rope_interleaved: true }, only("rope_interleaved", "false", "true")],
    [{ rope_local_base_freq: 10 }, only("rope_local_base_freq", "null", "10")],
    [{ embedding_multiplier: 12 }, only("embedding_multiplier", "1", "12")],
    [{ residual_multiplier: 0.2 }, only("residual_multiplier", "1", "0.2")],
    [{ logits_scaling: 8 }, only("logits_scaling", "1", "8")],
    [{ logit_scale: 0.06 }, only("logit_scale", "1", "0.06")],
    [{ lm_head_bias: true }, only("lm_head_bias", "false", "true")],
    [{ num_local_experts: 8 }, only("num_local_experts", "0", "8")],
    [{ num_experts: 8 }, only("num_experts", "0", "8")],
    [{ n_routed_experts: 8 }, only("n_routed_experts", "0", "8")],
    [
      { hidden_act: "gelu" },
      "hidden_act should be one of silu, swish, gelu_pytorch_tanh, gelu_new, gelu_fast " +
      'but is "gelu"',
    ],
  ]);
});

Deno.test("llama.decode() refuses values of the wrong kind or out of range", () => {
  const long = "9".repeat(70);
  assertRefusals(llama, config, [
    [{ vocab_size: undefined }, whole("vocab_size", "missing")],
    [{ hidden_size: "36" }, whole("hidden_size", '"36"')],
    [{ hidden_size: long }, whole("hidden_size", `"${"9".repeat(60)}…"`)],
    [{ intermediate_size: 1.5 }, whole("intermediate_size", "1.5")],
    [{ num_attention_heads: null }, whole("num_attention_heads", "null")],
    [{ num_attention_heads: 0 }, whole("num_attention_heads", "0")],
    [{ num_hidden_layers: 1e9 }, whole("num_hidden_layers", "1000000000", 1024)],
    [{ max_position_embeddings: -1 }, whole("max_position_embeddings", "-1")],
    [{ vocab_size: 2 ** 24 + 1 }, whole("vocab_size", "16777217")],
    [{ rms_norm_eps: NaN }, "rms_norm_eps should be a positive number but is NaN"],
    [{ rms_norm_eps: [1] }, "rms_norm_eps should be a positive number but is a list of 1"],
    [{ initializer_range: -1 }, "initializer_range should be a positive number but is -1"],
    [{ attention_bias: 1 }, "attention_bias should be true or false but is 1"],
    [
      { hidden_act: null },
      "hidden_act should be one of silu, swish, gelu_pytorch_tanh, gelu_new, gelu_fast but is null",
    ],
    [{ mlp_bias: "no" }, 'mlp_bias should be true or false but is "no"'],
    [{ tie_word_embeddings: null }, "tie_word_embeddings should be true or false but is null"],
    [
      { num_key_value_heads: 2 },
      "num_key_value_heads should be a divisor of 3 (num_attention_heads) but is 2",
    ],
    [{ head_dim: 6 }, "head_dim should be a multiple of 4 up to 1024 but is 6"],
    [{ head_dim: 2048 }, "head_dim should be a multiple of 4 up to 1024 but is 2048"],
    [
      { hidden_size: 37 },
      "hidden_size should be num_attention_heads (3) times a multiple of 4 up to 1024 but is 37",
    ],
  ]);
});
