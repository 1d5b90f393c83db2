/** Fields of `config.json` that change the computation and that only some architectures implement. @module */
import { badField, type Fields } from "./config_fields.ts";

// What leaves the computation as it is; null does so everywhere. Fields that are neither here nor
// read by an architecture have no part in what transformers computes for it, so they are let pass:
// pretraining_tp among them, by which earlier versions cut a linear in slices and added those up.
const neutral: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  // Attention and what it sees.
  attention_bias: [false],
  attention_chunk_size: [],
  attention_multiplier: [],
  attn_logit_softcapping: [],
  clip_qkv: [],
  is_causal: [true],
  is_encoder_decoder: [false],
  add_cross_attention: [false],
  layer_types: [],
  num_kv_shared_layers: [0],
  qk_layernorm: [false],
  use_qk_layernorm: [false],
  use_qk_norm: [false],
  sliding_window: [],
  use_bidirectional_attention: [false],
  // Positions.
  no_rope_layers: [],
  partial_rotary_factor: [1],
  rope_interleaved: [false],
  rope_local_base_freq: [],
  // Dropout, which is that of the adapter alone here.
  attention_dropout: [0],
  attn_pdrop: [0],
  embd_pdrop: [0],
  hidden_dropout: [0],
  resid_pdrop: [0],
  // Feed-forward, head and scales.
  embedding_multiplier: [1],
  final_logit_softcapping: [],
  lm_head_bias: [false],
  logit_scale: [1],
  logits_scaling: [1],
  mlp_bias: [false],
  residual_multiplier: [1],
  n_routed_experts: [0],
  num_experts: [0],
  num_local_experts: [0],
  // Weights that are not where or what they seem.
  per_layer_config: [],
  quantization: [],
  quantization_config: [],
};

/** Refuses a field of the table above that is set, unless the architecture says it is `implemented`. */
export const refuseUnimplemented = (
  config: Fields,
  modelType: string,
  implemented: ReadonlyArray<string>,
): void => {
  for (const [field, allowed] of Object.entries(neutral)) {
    const value = config.values[field] ?? null;
    if (value === null || allowed.includes(value) || implemented.includes(field)) continue;
    const only = allowed.length === 0 ? "null" : String(allowed[0]);
    throw badField(config, field, `${only}, as nothing else is implemented for ${modelType},`);
  }
};
