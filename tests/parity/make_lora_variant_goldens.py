"""Makes the goldens of tests/models/lora_variants_test.ts with transformers and PEFT.

    .venv/bin/python tests/parity/make_lora_variant_goldens.py [--out DIR] [name...]

Each golden is a directory: a tiny random model as Hugging Face writes it, the adapter on it as PEFT
writes it (adapter/), what the reference computes with both (golden.safetensors), and the inputs,
losses and versions (golden.json).
"""

import argparse
import warnings
from pathlib import Path

import torch
from make_goldens import described, write_json
from models import LINEARS, ROTARY, Spec, heads, layers
from parity import GOLDENS, random_model, random_sequences, run, train, versions
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

LEARNING_RATE = 5e-3
SIZES = {"vocab_size": 53} | layers(2, 20, 28) | heads(4, 2, 4)

# The seeds are chosen so that no AdamW step hangs on a rounding.
VARIANTS = {
    # Biases everywhere: they are not scaled.
    "dora": (
        Spec(
            "llama", 3, **SIZES, tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
            rope_parameters=ROTARY,
        ),
        {"r": 4, "lora_alpha": 8, "use_dora": True, "target_modules": LINEARS},
    ),
    "rslora_patterns": (
        Spec("qwen3", 5, **SIZES, tie_word_embeddings=False, rope_parameters=ROTARY),
        {
            "r": 4, "lora_alpha": 3, "use_rslora": True, "target_modules": LINEARS,
            "rank_pattern": {"q_proj": 2, "layers.1.mlp.down_proj": 6},
            "alpha_pattern": {"v_proj": 2, "layers.0.self_attn.o_proj": 5, "layers.1.mlp.down_proj": 7},
        },
    ),
    # The head is tied and reads the table without the adapter; embedded tokens are scaled by √hidden.
    "embedding": (
        Spec(
            "gemma", 2, **SIZES, initializer_range=0.3, tie_word_embeddings=True,
            rope_parameters=ROTARY,
        ),
        {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj", "embed_tokens"]},
    ),
}


def adapt(model, settings, generator):
    """A PEFT adapter none of whose parameters has a value that it would start with."""
    config = LoraConfig(lora_dropout=0.0, task_type="CAUSAL_LM", **settings)
    adapted = get_peft_model(model, config).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if not parameter.requires_grad:
                continue
            noise = torch.randn(parameter.shape, generator=generator)
            if "magnitude" in name:
                parameter.mul_(1 + 0.2 * noise)
            else:
                parameter.copy_(0.1 * noise if "_B" in name else noise * parameter.shape[1] ** -0.5)
    return adapted


def trained_of(adapted):
    """The trained parameters by our names: `<path>.a`, `<path>.b`, `<path>.magnitude`."""
    trained = {}
    for name, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            path, part = name.removeprefix("base_model.model.").split(".lora_")
            kind = part.removeprefix("embedding_").split(".")[0].removesuffix("_vector").lower()
            trained[f"{path}.{kind}"] = parameter
    return trained


def make(name, into):
    (spec, settings), directory = VARIANTS[name], into / name
    directory.mkdir(parents=True, exist_ok=True)
    model = random_model(spec)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    generator = torch.Generator().manual_seed(spec.seed)
    adapted = adapt(model, settings, generator)
    adapted.peft_config["default"].base_model_name_or_path = name
    adapted.save_pretrained(directory / "adapter")
    (directory / "adapter" / "README.md").unlink(missing_ok=True)
    sequences = random_sequences(model.config.vocab_size, generator)
    logits, _, losses, loss = run(adapted, sequences)
    loss.backward()
    trained = trained_of(adapted)
    tensors = {"logits": logits, "token_losses": losses}
    tensors |= {f"gradient.{key}": value.grad.clone() for key, value in trained.items()}
    steps = train(adapted, sequences, LEARNING_RATE)
    tensors |= {f"final.{key}": value for key, value in trained.items()}
    save_file(
        {key: value.detach().float().contiguous().clone() for key, value in tensors.items()},
        directory / "golden.safetensors",
    )
    about = {
        "made_by": "tests/parity/make_lora_variant_goldens.py", "versions": versions(),
        "seed": spec.seed, "sequences": described(sequences), "loss": loss.item(), "steps": steps,
    }
    write_json(directory / "golden.json", about)
    for file in directory.rglob("*"):
        if file.is_file():
            file.chmod(0o644)
    return steps


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(VARIANTS), metavar="name")
    parser.add_argument("--out", type=Path, default=GOLDENS / "lora_variants")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
    for name in options.names:
        losses = make(name, options.out)["losses"]
        print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}", flush=True)


if __name__ == "__main__":
    main()
