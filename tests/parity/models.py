"""The tiny random models of the goldens: one entry a rule that some family has.

Sizes are odd on purpose: heads wider or narrower than hidden / heads, vocabularies that no workgroup
divides, windows shorter than the sequences, rotary bases so small that positions matter.
"""

ROTARY = {"rope_type": "default", "rope_theta": 500.0}
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Spec:
    """A model: its config, the modules to adapt, and whether every weight's gradient is kept too."""

    def __init__(self, model_type, seed, targets=LINEARS, train_base=False, base_gradients=False, **sizes):
        self.model_type, self.seed, self.targets = model_type, seed, targets
        self.train_base, self.base_gradients = train_base, base_gradients or train_base
        self.config = sizes


def heads(query, key_value, head_dim=None):
    sizes = {"num_attention_heads": query, "num_key_value_heads": key_value}
    return sizes if head_dim is None else sizes | {"head_dim": head_dim}


def layers(count, hidden, intermediate):
    return {"num_hidden_layers": count, "hidden_size": hidden, "intermediate_size": intermediate}


# The seeds are chosen so that no greedy choice is close and no AdamW step hangs on a rounding.
MODELS = {
    "llama_untied": Spec(
        "llama", 3, train_base=True, vocab_size=517, **layers(3, 60, 100), **heads(6, 3, 20),
        tie_word_embeddings=False, rms_norm_eps=1e-5, rope_parameters=ROTARY,
    ),
    "llama_tied": Spec(
        "llama", 1, train_base=True, vocab_size=301, **layers(2, 64, 96), **heads(8, 2, 8),
        tie_word_embeddings=True, rope_parameters=ROTARY | {"rope_theta": 10000.0},
    ),
    # The wavelengths of the six pairs lie on both sides of both borders of the llama3 rule.
    "llama_rope_llama3": Spec(
        "llama", 49, vocab_size=131, **layers(2, 40, 56), **heads(8, 2, 12), tie_word_embeddings=True,
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
        },
    ),
    "llama_biases_rope_linear": Spec(
        "llama", 13, base_gradients=True, vocab_size=131, **layers(2, 48, 60), **heads(6, 3, 12), tie_word_embeddings=False,
        attention_bias=True, mlp_bias=True,
        rope_parameters={"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0},
    ),
    "mistral": Spec(
        "mistral", 9, vocab_size=131, **layers(2, 40, 56), **heads(8, 2, 12),
        tie_word_embeddings=False, sliding_window=6, rope_parameters=ROTARY,
    ),
    "qwen2": Spec(
        "qwen2", 36, vocab_size=131, **layers(2, 64, 60), **heads(8, 2), tie_word_embeddings=True,
        rope_parameters=ROTARY,
    ),
    "qwen3": Spec(
        "qwen3", 4, base_gradients=True, vocab_size=517, **layers(2, 48, 60), **heads(6, 3, 20),
        tie_word_embeddings=True, rope_parameters=ROTARY,
    ),
    "gemma": Spec(
        "gemma", 15, vocab_size=131, **layers(2, 40, 56), **heads(4, 1, 12), initializer_range=0.3,
        tie_word_embeddings=True, rope_parameters=ROTARY,
    ),
    # Caps so low that they bend most scores and logits.
    "gemma2": Spec(
        "gemma2", 18, base_gradients=True, vocab_size=131, **layers(3, 40, 56), **heads(8, 2, 12),
        tie_word_embeddings=True, sliding_window=5, query_pre_attn_scalar=20,
        attn_logit_softcapping=2.0, final_logit_softcapping=6.0, rope_parameters=ROTARY,
    ),
    "gemma3_text": Spec(
        "gemma3_text", 6, vocab_size=131, **layers(3, 48, 56), **heads(6, 3, 20), initializer_range=0.08,
        tie_word_embeddings=True, sliding_window=5, query_pre_attn_scalar=16,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        rope_parameters={
            "full_attention": {"rope_type": "linear", "rope_theta": 1000.0, "factor": 8.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
        },
    ),
    "smollm3": Spec(
        "smollm3", 8, vocab_size=131, **layers(3, 72, 60), **heads(6, 3), tie_word_embeddings=True,
        no_rope_layers=[1, 0, 1], rope_parameters=ROTARY,
    ),
    # Four of the six pairs of a head turn.
    "phi3": Spec(
        "phi3", 2, targets=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"], vocab_size=131,
        **layers(2, 72, 60), **heads(6, 3), tie_word_embeddings=False, sliding_window=7,
        rope_parameters=ROTARY | {"partial_rotary_factor": 0.7},
    ),
}
