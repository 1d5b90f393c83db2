/** How Hugging Face names the linears and the gains of a decoder's layers. @module */
import type { Architecture, FusedLinear, LayerGains, ModelShape } from "./architecture.ts";

const stacked = (
  name: string,
  inputs: number,
  bias: boolean,
  modules: ReadonlyArray<readonly [path: string, outputs: number]>,
): FusedLinear => {
  let outputs = 0;
  const parts = modules.map(([path, rows]) => {
    const from = outputs;
    outputs += rows;
    return { module: path.slice(path.lastIndexOf(".") + 1), path, from, to: outputs };
  });
  return { name, inputs, outputs, parts, bias };
};

const outputAndDown = (
  { hidden, intermediate, heads, headDim, biases }: ModelShape,
  index: number,
): readonly [FusedLinear, FusedLinear] => {
  const layer = `model.layers.${index}`;
  return [
    stacked(`layers.${index}.output`, heads * headDim, biases.output, [
      [`${layer}.self_attn.o_proj`, hidden],
    ]),
    stacked(`layers.${index}.down`, intermediate, biases.feedForward, [
      [`${layer}.mlp.down_proj`, hidden],
    ]),
  ];
};

/** `q_proj`, `k_proj` and `v_proj`, `gate_proj` and `up_proj` each on its own: all but Phi-3. */
export const separateLinears: Architecture["linears"] = (shape, index) => {
  const { hidden, intermediate, heads, kvHeads, headDim, biases } = shape;
  const layer = `model.layers.${index}`;
  const [output, down] = outputAndDown(shape, index);
  return [
    stacked(`layers.${index}.qkv`, hidden, biases.qkv, [
      [`${layer}.self_attn.q_proj`, heads * headDim],
      [`${layer}.self_attn.k_proj`, kvHeads * headDim],
      [`${layer}.self_attn.v_proj`, kvHeads * headDim],
    ]),
    output,
    stacked(`layers.${index}.gateUp`, hidden, biases.feedForward, [
      [`${layer}.mlp.gate_proj`, intermediate],
      [`${layer}.mlp.up_proj`, intermediate],
    ]),
    down,
  ];
};

/** `qkv_proj` and `gate_up_proj`, already stacked in the file. */
export const fusedLinears: Architecture["linears"] = (shape, index) => {
  const { hidden, intermediate, heads, kvHeads, headDim, biases } = shape;
  const layer = `model.layers.${index}`;
  const [output, down] = outputAndDown(shape, index);
  return [
    stacked(`layers.${index}.qkv`, hidden, biases.qkv, [
      [`${layer}.self_attn.qkv_proj`, (heads + 2 * kvHeads) * headDim],
    ]),
    output,
    stacked(`layers.${index}.gateUp`, hidden, biases.feedForward, [
      [`${layer}.mlp.gate_up_proj`, 2 * intermediate],
    ]),
    down,
  ];
};

const outside = {
  embedding: "model.embed_tokens.weight",
  head: "lm_head.weight",
  finalGain: "model.norm.weight",
};

/** A norm before attention and one before the feed-forward; and one for queries and keys if told. */
export const preNormTensors = (
  { headNorms = false }: { readonly headNorms?: boolean } = {},
): Architecture["tensors"] => ({
  ...outside,
  gains: (index): LayerGains => ({
    attention: `model.layers.${index}.input_layernorm.weight`,
    feedForward: `model.layers.${index}.post_attention_layernorm.weight`,
    ...headNorms ? { heads: headGains(index) } : {},
  }),
});

/** Norms before and after both blocks: there `post_attention_layernorm` is of attention's output. */
export const sandwichTensors = (
  { headNorms = false }: { readonly headNorms?: boolean } = {},
): Architecture["tensors"] => ({
  ...outside,
  gains: (index): LayerGains => ({
    attention: `model.layers.${index}.input_layernorm.weight`,
    attentionOutput: `model.layers.${index}.post_attention_layernorm.weight`,
    feedForward: `model.layers.${index}.pre_feedforward_layernorm.weight`,
    feedForwardOutput: `model.layers.${index}.post_feedforward_layernorm.weight`,
    ...headNorms ? { heads: headGains(index) } : {},
  }),
});

const headGains = (index: number): { readonly query: string; readonly key: string } => ({
  query: `model.layers.${index}.self_attn.q_norm.weight`,
  key: `model.layers.${index}.self_attn.k_norm.weight`,
});
