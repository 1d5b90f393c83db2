"""Compares goldens that were made anew with those in fixtures/goldens.

    .venv/bin/python tests/parity/compare.py DIR [--json]

Prints for every golden in DIR the worst error of each group of tensors: the largest difference over
the largest magnitude. Inputs, greedy ids and the set of tensors must be the same.
"""

import argparse
import json
from math import isnan
from pathlib import Path

from parity import GOLDENS
from safetensors.torch import load_file

# Groups by the first name that fits.
GROUPS = ["base.gradient", "base.hidden", "lora.gradient", "lora.final", "lora.hidden", "base", "lora", "rows"]


def worst(actual, expected):
    if actual.shape != expected.shape:
        return float("inf")
    difference, magnitude = (actual - expected).abs().max().item(), expected.abs().max().item()
    error = difference / magnitude if magnitude else difference
    return float("inf") if isnan(error) else error


def compare_tensors(remade, committed, file):
    """The worst error by group, or infinity where a tensor is missing or new."""
    ours, theirs = load_file(remade / file), load_file(committed / file)
    errors = {"names": 0.0 if ours.keys() == theirs.keys() else float("inf")}
    for name in ours.keys() & theirs.keys():
        group = next((group for group in GROUPS if name.startswith(f"{group}.")), "weights")
        errors[group] = max(errors.get(group, 0.0), worst(ours[name], theirs[name]))
    return errors


def differences(ours, theirs, path=""):
    """Numbers as (path, error); anything else that differs as (path, infinity)."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() | ours.keys():
            yield from differences(ours.get(key), theirs.get(key), f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(ours) == len(theirs):
        for mine, other in zip(ours, theirs):
            yield from differences(mine, other, path)
    elif isinstance(theirs, float) and isinstance(ours, float):
        yield path, abs(ours - theirs) / max(1.0, abs(theirs))
    else:
        yield path, 0.0 if ours == theirs else float("inf")


def compare(remade, committed):
    errors = compare_tensors(remade, committed, "model.safetensors")
    errors |= compare_tensors(remade, committed, "golden.safetensors")
    ours, theirs = (json.loads((place / "golden.json").read_text()) for place in (remade, committed))
    for path, error in differences(ours, theirs):
        if not path.startswith(".versions") and not path.endswith(".lead"):
            group = "greedy" if ".greedy" in path else "steps" if ".steps" in path else "inputs"
            errors[group] = max(errors.get(group, 0.0), error)
    config, other = (json.loads((place / "config.json").read_text()) for place in (remade, committed))
    for key in ("transformers_version",):
        config.pop(key, None), other.pop(key, None)
    errors["config"] = 0.0 if config == other else float("inf")
    return errors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = sorted(place.name for place in options.directory.iterdir() if (place / "golden.json").exists())
    errors = {name: compare(options.directory / name, GOLDENS / name) for name in names}
    if options.json:
        print(json.dumps(errors).replace("Infinity", "1e999"))
        return
    for name, groups in errors.items():
        for group, error in groups.items():
            print(f"{name:<28}{group:<16}{error:.1e}")


if __name__ == "__main__":
    main()
