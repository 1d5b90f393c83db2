"""Makes the goldens of tests/models/golden_test.ts with transformers and PEFT.

    python3 -m venv .venv && .venv/bin/pip install -r tests/parity/requirements.txt
    .venv/bin/python tests/parity/make_goldens.py [--out DIR] [name...]

Each golden is a directory: a tiny random model as Hugging Face writes it (config.json,
model.safetensors), what the reference computes with it (golden.safetensors), and the inputs, losses
and versions (golden.json). Without names all of models.py are made, without --out in
fixtures/goldens.
"""

import argparse
import json
import re
from pathlib import Path

import torch
from models import MODELS
from parity import (
    ALPHA, GOLDENS, RANK, adapt, add_tokens, greedy, random_model, random_sequences, run, train,
    trained_of, versions,
)
from safetensors.torch import save_file

LEARNING_RATE = {"base": 1e-3, "lora": 1e-2}
LEAST_LEAD = 2e-4


def described(sequences):
    return [{"ids": ids.tolist(), "supervised": mask.tolist()} for ids, mask in sequences]


def base_golden(model, spec, sequences, tensors):
    logits, hidden, losses, loss = run(model, sequences)
    tensors |= {"base.logits": logits, "base.token_losses": losses}
    tensors |= {f"base.hidden.{index}": stream for index, stream in enumerate(hidden)}
    about = {"sequences": described(sequences), "loss": loss.item(), "greedy": greedy(model, sequences)}
    about["gradients"] = spec.base_gradients
    if spec.base_gradients:
        loss.backward()
        for name, parameter in model.named_parameters():
            tensors[f"base.gradient.{name}"] = parameter.grad.clone()
    if spec.train_base:
        before = {name: value.clone() for name, value in model.state_dict().items()}
        about["steps"] = train(model, sequences, LEARNING_RATE["base"])
        model.load_state_dict(before)
    model.zero_grad()
    return about


def lora_golden(model, spec, generator, tensors):
    vocab = model.config.vocab_size
    new, rows = add_tokens(model, generator)
    tensors |= {f"rows.{name}": table for name, table in rows.items()}
    adapted = adapt(model, spec.targets, new, generator)
    trained = trained_of(adapted)
    tensors |= {f"lora.{name}": value.detach().clone() for name, value in trained.items() if name != "rows"}
    sequences = random_sequences(vocab, generator, must_hold=new)
    logits, hidden, losses, loss = run(adapted, sequences)
    loss.backward()
    tensors |= {"lora.logits": logits, "lora.token_losses": losses}
    tensors |= {f"lora.hidden.{index}": stream for index, stream in enumerate(hidden)}
    tensors |= {f"lora.gradient.{name}": value.grad.clone() for name, value in trained.items()}
    about = {
        "sequences": described(sequences), "loss": loss.item(), "rank": RANK, "alpha": ALPHA,
        "new_ids": new, "greedy": greedy(adapted, sequences),
    }
    about["steps"] = train(adapted, sequences, LEARNING_RATE["lora"])
    tensors |= {f"lora.final.{name}": value.detach().clone() for name, value in trained.items()}
    return about


def write_json(file, value):
    """Indented, but for lists of plain values, which take one line."""
    text = json.dumps(value, indent=1)
    file.write_text(re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text) + "\n")


def make(name, into):
    """Makes one golden and returns the smallest lead of its greedy choices."""
    spec, directory = MODELS[name], into / name
    directory.mkdir(parents=True, exist_ok=True)
    model = random_model(spec)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    generator = torch.Generator().manual_seed(spec.seed)
    tensors = {}
    about = {"made_by": "tests/parity/make_goldens.py", "versions": versions(), "seed": spec.seed}
    about["base"] = base_golden(
        model, spec, random_sequences(model.config.vocab_size, generator), tensors
    )
    about["lora"] = lora_golden(model, spec, generator, tensors)
    save_file(
        {key: value.detach().float().contiguous().clone() for key, value in tensors.items()},
        directory / "golden.safetensors",
    )
    write_json(directory / "golden.json", about)
    for file in directory.iterdir():
        file.chmod(0o644)
    return about


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(MODELS), metavar="name")
    parser.add_argument("--out", type=Path, default=GOLDENS)
    options = parser.parse_args()
    close = []
    for name in options.names:
        about = make(name, options.out)
        for part in ("base", "lora"):
            lead = about[part]["greedy"]["lead"]
            losses = about[part].get("steps", {}).get("losses", [about[part]["loss"]])
            print(f"{name} {part}: lead {lead:.1e}, loss {losses[0]:.4f} to {losses[-1]:.4f}", flush=True)
            if lead < LEAST_LEAD:
                close.append(f"{name} {part}")
    if close:
        raise SystemExit(f"Greedy choices closer than {LEAST_LEAD}, change the seed of: {', '.join(close)}")


if __name__ == "__main__":
    main()
