"""Writes fixtures/rotary_frequencies.json: how fast transformers turns heads, by configuration.

Run with the versions of requirements.txt, from the root of the repository:

    python tests/parity/make_rotary_frequencies.py
"""

import json
import pathlib

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

SIZES = {
    "vocab_size": 32, "hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 1, "num_key_value_heads": 1, "pad_token_id": None,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
SHORT = [1.0 + 0.03125 * pair for pair in range(24)]
LONG = [1.0 + 2.7 * pair for pair in range(24)]

CASES = {
    "default": {"model_type": "llama"},
    "default of smollm3": {"model_type": "smollm3", "no_rope_layers": [1, 0]},
    "theta beside": {"model_type": "qwen2", "rope_theta": 1000000.0},
    "theta inside": {"model_type": "mistral", "rope_parameters": {"rope_type": "default", "rope_theta": 12345.678}},
    "narrow head": {"model_type": "llama", "head_dim": 20, "rope_theta": 500.0},
    "linear": {"model_type": "llama", "rope_scaling": {"type": "linear", "factor": 3.0}},
    "dynamic": {"model_type": "llama", "max_position_embeddings": 512, "rope_scaling": {"type": "dynamic", "factor": 2.0}},
    "llama3": {
        "model_type": "llama", "max_position_embeddings": 131072, "rope_theta": 500000.0,
        "rope_scaling": {
            "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    },
    "llama3, trained beside": {
        "model_type": "llama", "max_position_embeddings": 4096, "original_max_position_embeddings": 512,
        "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    },
    "yarn": {"model_type": "qwen2", "max_position_embeddings": 131072, "rope_theta": 1000000.0, "rope_scaling": YARN},
    "yarn, every setting": {
        "model_type": "qwen3", "head_dim": 64, "max_position_embeddings": 4096,
        "rope_parameters": YARN | {
            "rope_theta": 10000.0, "original_max_position_embeddings": 1024, "beta_fast": 24, "beta_slow": 2,
            "mscale": 0.7, "mscale_all_dim": 1.3, "truncate": False,
        },
    },
    "yarn, attention_factor": {
        "model_type": "llama", "max_position_embeddings": 4096,
        "rope_parameters": YARN | {"rope_theta": 10000.0, "attention_factor": 1.25},
    },
    "yarn, a ramp beyond the head": {
        "model_type": "llama", "max_position_embeddings": 131072, "rope_theta": 50.0,
        "rope_scaling": YARN | {"beta_fast": 1000},
    },
    "longrope": {
        "model_type": "phi3", "max_position_embeddings": 131072, "original_max_position_embeddings": 4096,
        "partial_rotary_factor": 0.75,
        "rope_scaling": {"type": "longrope", "short_factor": SHORT, "long_factor": LONG},
    },
    "longrope as su": {
        "model_type": "phi3", "max_position_embeddings": 8192, "partial_rotary_factor": 0.75,
        "rope_scaling": {
            "type": "su", "short_factor": SHORT, "long_factor": LONG, "original_max_position_embeddings": 2048,
        },
    },
    "part of a head": {"model_type": "phi3", "partial_rotary_factor": 0.5},
    "gemma3 of version 4": {
        "model_type": "gemma3_text", "head_dim": 64, "rope_theta": 900000.0, "rope_local_base_freq": 9000.0,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0}, "sliding_window_pattern": 2,
    },
    "gemma3 of version 5": {
        "model_type": "gemma3_text", "head_dim": 64, "sliding_window_pattern": 2,
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 900000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 9000.0},
        },
    },
}


def turning(rotary, prefix=""):
    frequencies = getattr(rotary, f"{prefix}inv_freq")
    assert frequencies.dtype == torch.float32
    factor = getattr(rotary, f"{prefix}attention_scaling")
    return {"inverseFrequencies": frequencies.tolist(), "factor": float(factor)}


def case(changes):
    config = SIZES | changes
    # AutoConfig takes the settings out of what it is given, so it is given a copy.
    copy = json.loads(json.dumps(config))
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(copy.pop("model_type"), **copy))
    rotary = model.model.rotary_emb
    if config["model_type"] == "gemma3_text":
        layers = [turning(rotary, f"{kind}_") for kind in model.config.layer_types]
    else:
        layers = [turning(rotary)] * 2
        if config["model_type"] == "smollm3":
            layers = [layer if turns else None for layer, turns in zip(layers, model.config.no_rope_layers)]
    return {"config": config, "layers": layers}


def main():
    cases = {name: case(changes) for name, changes in CASES.items()}
    made = {"transformers": transformers.__version__, "torch": torch.__version__, "cases": cases}
    text = json.dumps(made, indent=None, separators=(",", ":"))
    pathlib.Path("fixtures/rotary_frequencies.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
