"""Makes the golden of tests/models/smollm2_135m_test.ts with transformers.

    .venv/bin/python tests/parity/make_smollm2_golden.py [--out DIR]

A random model of SmolLM2-135M's shape, its weights a formula rounded to bf16, as
tests/support/smollm2_135m.ts writes them: the loss of a few tokens and a greedy continuation.
"""

import argparse

import torch
from make_goldens import write_json
from make_large_vocabulary_golden import formula
from parity import GOLDENS, versions
from transformers import AutoConfig, AutoModelForCausalLM

CONFIG = dict(
    vocab_size=49_152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
    num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=True, rms_norm_eps=1e-5,
    rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
    max_position_embeddings=8192, bos_token_id=0, eos_token_id=0, dtype="float32",
)
TOKENS, PROMPT, NEW = 32, 3, 4


def formula_model():
    config = AutoConfig.for_model("llama", **CONFIG)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    with torch.no_grad():
        for stream, (name, parameter) in enumerate(sorted(model.named_parameters())):
            gain = parameter.dim() == 1
            values = formula(stream, tuple(parameter.shape), 0.25 if gain else 0.0625)
            parameter.copy_((1 + values if gain else values).bfloat16().float())
    return model.eval()


@torch.no_grad()
def make():
    model = formula_model()
    ids = [(7919 * at + 3) % CONFIG["vocab_size"] for at in range(TOKENS)]
    loss = model(torch.tensor([ids]), labels=torch.tensor([ids]), use_cache=False).loss.item()
    line, lead = ids[:PROMPT], float("inf")
    for _ in range(NEW):
        logits = model(torch.tensor([line]), use_cache=False).logits[0, -1]
        best = logits.topk(2).values
        lead = min(lead, ((best[0] - best[1]) / logits.abs().max()).item())
        line = line + [logits.argmax().item()]
    return {"ids": ids, "loss": loss, "prompt": PROMPT, "generated": line[PROMPT:]}, lead


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=GOLDENS / "smollm2_135m", type=type(GOLDENS))
    into = parser.parse_args().out
    into.mkdir(parents=True, exist_ok=True)
    golden, lead = make()
    about = {"made_by": "tests/parity/make_smollm2_golden.py", "versions": versions()} | golden
    write_json(into / "run.json", about)
    print(f"{about['loss']:.4f} {about['generated']}, lead {lead:.1e}")


if __name__ == "__main__":
    main()
