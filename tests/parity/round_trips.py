"""Adapters and merged models that go from PEFT to us, or from us to PEFT and transformers.

    .venv/bin/python tests/parity/round_trips.py make OUT name...
    .venv/bin/python tests/parity/round_trips.py logits JOBS.json OUT.json

`make` lets PEFT write adapters for goldens of fixtures/goldens, and writes cases.json: a list of
{name, variant, model, adapter, ids, logits}. `logits` runs jobs {model, adapter or null, ids} and
writes the logits of each, one list a position.
"""

import argparse
import json
from pathlib import Path

import torch
from models import MODELS
from parity import GOLDENS, adapt, add_tokens, load_model, random_sequences
from peft import PeftConfig, PeftModel

VARIANTS = [
    "plain", "rslora", "head rows", "last layer",
    "resized", "resized, head rows", "resized, no rows",
]


@torch.no_grad()
def logits_of(model, ids):
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].tolist()


def settings_of(variant, new, layers):
    """What a variant's adapter asks of PEFT, beside what all have."""
    match variant:
        case "rslora":
            return {"use_rslora": True}
        case "head rows" | "resized, head rows":
            return {"trainable_token_indices": {"embed_tokens": new, "lm_head": new}}
        case "resized, no rows":
            return {"trainable_token_indices": None}
        case "last layer":
            return {"layers_to_transform": [layers - 1]}
        case _:
            return {}


def make_case(name, variant, out):
    """An adapter by PEFT on a base that has the new rows, or on one that was `resized` in memory.

    PEFT then saves both whole tables beside the adapter.
    """
    spec, place, base = MODELS[name], out / name / variant.replace(" ", "_"), GOLDENS / name
    model = load_model(base)
    vocab = model.config.vocab_size
    generator = torch.Generator().manual_seed(spec.seed + 100)
    new, _ = add_tokens(model, generator)
    if not variant.startswith("resized"):
        base = place / "base"
        model.save_pretrained(base)
        model = load_model(base)
    settings = settings_of(variant, new, model.config.num_hidden_layers)
    adapted = adapt(model, spec.targets, new, generator, **settings)
    with torch.no_grad():
        for parameter_name, parameter in adapted.named_parameters():
            if "trainable_tokens_delta" in parameter_name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    adapted.save_pretrained(place / "adapter")
    ids = random_sequences(vocab, generator, must_hold=new)[1][0].tolist()
    return {
        "name": name, "variant": variant, "model": str(base), "adapter": str(place / "adapter"),
        "ids": ids, "logits": logits_of(adapted, ids),
    }


def run_job(job):
    model = load_model(job["model"])
    if job["adapter"] is None:
        return logits_of(model, job["ids"])
    trained = PeftConfig.from_pretrained(job["adapter"]).trainable_token_indices or {}
    rows = trained.values() if isinstance(trained, dict) else [trained]
    needed = max((index + 1 for indices in rows for index in indices), default=0)
    if needed > model.config.vocab_size:
        model.resize_token_embeddings(needed, mean_resizing=False)
    return logits_of(PeftModel.from_pretrained(model, job["adapter"]).eval(), job["ids"])


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make")
    make.add_argument("out", type=Path)
    make.add_argument("names", nargs="+")
    logits = commands.add_parser("logits")
    logits.add_argument("jobs", type=Path)
    logits.add_argument("out", type=Path)
    options = parser.parse_args()
    if options.command == "make":
        cases = [
            make_case(name, variant, options.out)
            for name in options.names for variant in VARIANTS
        ]
        (options.out / "cases.json").write_text(json.dumps(cases))
    else:
        jobs = json.loads(options.jobs.read_text())
        options.out.write_text(json.dumps([run_job(job) for job in jobs]))


if __name__ == "__main__":
    main()
