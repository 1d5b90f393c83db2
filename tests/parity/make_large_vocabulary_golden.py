"""Makes the goldens of tests/models/large_vocabulary_test.ts with transformers and PEFT.

    .venv/bin/python tests/parity/make_large_vocabulary_golden.py [--out DIR] [tied|untied...]

A model whose table alone is longer than a binding of 128 MiB may be. Its weights are no file but a
formula of tensor and element (tests/support/random_model.ts has the same), and of the logits only a
few columns are kept: about each border of a shard, at the new rows, and spread over the rest.
"""

import argparse

import numpy
import parity
import torch
from make_goldens import described, write_json
from models import LINEARS, ROTARY, heads, layers
from parity import (
    ALPHA, BOS, EOS, GOLDENS, MAX_POSITIONS, PAD, RANK, adapt, random_sequences, run, train,
    trained_of, versions,
)
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

VOCAB, HIDDEN = 151_936, 240
BORDER = 128 * 2**20 // 4 // HIDDEN // 4 * 4  # the first row of the second shard
NEW = [70_001, VOCAB]  # a row below the border, and one behind the vocabulary
SEED = 1
STREAMS = {"adapter": 1000, "rows.input": 2000, "rows.output": 2001}
LEARNING_RATE, STEPS = 1e-2, 3
CONFIG = dict(
    vocab_size=VOCAB, **layers(1, HIDDEN, 100), **heads(6, 3, 20), rope_parameters=ROTARY,
    max_position_embeddings=MAX_POSITIONS, bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD,
)


def mix(bits):
    bits = (bits ^ (bits >> numpy.uint32(16))) * numpy.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> numpy.uint32(15))) * numpy.uint32(0x846CA68B)
    return bits ^ (bits >> numpy.uint32(16))


def formula(stream, shape, amplitude=0.125):
    """amplitude · (2 · unit - 1), exact in f32 where the amplitude is a power of two."""
    with numpy.errstate(over="ignore"):
        begin = mix(mix(numpy.uint32(SEED)) + numpy.uint32(stream))
        bits = mix(begin + numpy.arange(numpy.prod(shape), dtype=numpy.uint32))
    unit = (bits >> numpy.uint32(8)).astype(numpy.float32) / numpy.float32(2**24)
    values = numpy.float32(amplitude) * (2 * unit - 1)
    return torch.from_numpy(values.reshape(shape))


def formula_model(tied):
    """The model, its streams numbered in the alphabetical order of its tensors."""
    config = AutoConfig.for_model("llama", **CONFIG, tie_word_embeddings=tied)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    with torch.no_grad():
        for stream, (name, parameter) in enumerate(sorted(model.named_parameters())):
            gain = parameter.dim() == 1
            values = formula(stream, tuple(parameter.shape), 0.25 if gain else 0.125)
            parameter.copy_(1 + values if gain else values)
    return model.eval()


def place_rows(model, tied):
    """Makes room behind the vocabulary, and overwrites the rows NEW of the tables."""
    model.resize_token_embeddings(VOCAB + 1, mean_resizing=False)
    tables = {"rows.input": model.get_input_embeddings().weight}
    if not tied:
        tables["rows.output"] = model.get_output_embeddings().weight
    with torch.no_grad():
        for name, table in tables.items():
            table[NEW] = formula(STREAMS[name], (len(NEW), HIDDEN))


def chosen_columns(generator):
    borders = [0, BORDER, NEW[0], VOCAB]
    near = {at + step for at in borders for step in range(-2, 3) if 0 <= at + step <= VOCAB}
    spread = torch.randint(0, VOCAB, (16,), generator=generator).tolist()
    late = torch.randint(BORDER, VOCAB, (8,), generator=generator).tolist()
    return sorted(near | set(spread) | set(late))


def make(name, into):
    tied = name == "tied"
    generator = torch.Generator().manual_seed(SEED)
    model = formula_model(tied)
    config = model.config.to_dict()
    place_rows(model, tied)
    adapted = adapt(model, LINEARS, NEW, generator)
    trained = trained_of(adapted)
    matrices = sorted(key for key in trained if key != "rows")
    with torch.no_grad():
        for index, key in enumerate(matrices):
            trained[key].copy_(formula(STREAMS["adapter"] + index, tuple(trained[key].shape)))
    sequences = random_sequences(VOCAB, generator, must_hold=[BORDER - 1, BORDER, *NEW])
    columns = chosen_columns(generator)
    logits, _, losses, loss = run(adapted, sequences)
    loss.backward()
    tensors = {"lora.logits": logits[:, columns], "lora.token_losses": losses}
    tensors |= {f"lora.gradient.{key}": value.grad.clone() for key, value in trained.items()}
    parity.STEPS = STEPS
    about = {
        "made_by": "tests/parity/make_large_vocabulary_golden.py", "versions": versions(),
        "seed": SEED, "config": {key: config[key] for key in ["model_type", *CONFIG]} | {
            "tie_word_embeddings": tied, "hidden_act": config["hidden_act"],
            "rms_norm_eps": config["rms_norm_eps"],
        },
        "lora": {
            "sequences": described(sequences), "loss": loss.item(), "rank": RANK, "alpha": ALPHA,
            "new_ids": NEW, "columns": columns, "matrices": {
                key: list(trained[key].shape) for key in matrices
            },
            "steps": train(adapted, sequences, LEARNING_RATE),
        },
    }
    into.mkdir(parents=True, exist_ok=True)
    save_file(
        {key: value.detach().float().contiguous() for key, value in tensors.items()},
        into / f"{name}.safetensors",
    )
    write_json(into / f"{name}.json", about)
    (into / f"{name}.safetensors").chmod(0o644)
    print(f"{name}: loss {about['lora']['loss']:.4f}, steps {about['lora']['steps']['losses']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=["tied", "untied"], metavar="name")
    parser.add_argument("--out", default=GOLDENS / "large_vocabulary", type=type(GOLDENS))
    options = parser.parse_args()
    for name in options.names:
        make(name, options.out)


if __name__ == "__main__":
    main()
