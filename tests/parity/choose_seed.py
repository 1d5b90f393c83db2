"""Finds a seed for a golden of models.py: the first whose comparison does not hang on a rounding.

    .venv/bin/python tests/parity/choose_seed.py name...

A seed is refused when a greedy choice was close, when a continuation only repeats itself, or when
AdamW's steps from a start that differs by a rounding end elsewhere: a first gradient that is almost 0
decides the direction of a whole step.
"""

import copy
import sys

import torch
from make_goldens import LEARNING_RATE, LEAST_LEAD
from models import MODELS
from parity import adapt, add_tokens, greedy, random_model, random_sequences, train, trained_of

LEAST_VARIETY = 8
LARGEST_DRIFT = 2e-4


def is_clear(model, sequences):
    """No greedy choice is close, and no continuation consists of a few tokens."""
    for sequence in sequences:
        found = greedy(model, [sequence])
        if found["lead"] < LEAST_LEAD or len(set(found["continuations"][0])) < LEAST_VARIETY:
            return False
    return True


def adapted_start(spec):
    """What make_goldens.py starts from: base, adapter and the sequences of each; None if unclear."""
    model = random_model(spec)
    vocab = model.config.vocab_size
    generator = torch.Generator().manual_seed(spec.seed)
    if not is_clear(model, random_sequences(vocab, generator)):
        return None
    new, _ = add_tokens(model, generator)
    adapted = adapt(model, spec.targets, new, generator)
    sequences = random_sequences(vocab, generator, must_hold=new)
    return (adapted, sequences) if is_clear(adapted, sequences) else None


def drift(adapted, sequences):
    """How far the final adapters lie apart from starts that differ by 1e-6, over the largest value."""
    trained = trained_of(adapted)
    start = {name: value.detach().clone() for name, value in trained.items()}
    finals = []
    for seed in range(4):
        noises = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, value in trained.items():
                noise = torch.randn(value.shape, generator=noises)
                value.copy_(start[name] * (1 + (1e-6 if seed else 0) * noise))
        train(adapted, sequences, LEARNING_RATE["lora"])
        finals.append({name: value.detach().clone() for name, value in trained.items()})
    return max(
        ((other[name] - value).abs().max() / value.abs().max()).item()
        for other in finals[1:] for name, value in finals[0].items()
    )


def main():
    for name in sys.argv[1:]:
        for seed in range(1, 400):
            spec = copy.copy(MODELS[name])
            spec.seed = seed
            start = adapted_start(spec)
            if start is None:
                continue
            drifted = drift(*start)
            print(f"{name}: seed {seed}, drift {drifted:.1e}", flush=True)
            if drifted < LARGEST_DRIFT:
                break


if __name__ == "__main__":
    main()
