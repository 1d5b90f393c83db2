"""Makes the goldens of tests/models/llama_golden_test.ts with transformers and PEFT.

    python3 -m venv .venv && .venv/bin/pip install -r tests/parity/requirements.txt
    .venv/bin/python tests/parity/make_llama_golden.py

Each golden is a directory of fixtures/goldens: a tiny random Llama as Hugging Face writes it
(config.json, model.safetensors), what the reference computes with it (golden.safetensors), and the
inputs, losses and versions (golden.json). Sequences run one by one, so no padding is involved; a
loss is the sum of the supervised tokens' losses divided by the number of those.
"""

import json
from importlib.metadata import version
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

GOLDENS = Path(__file__).parents[2] / "fixtures" / "goldens"
LENGTHS = [9, 17, 5]
NEW_TOKENS = 2
RANK, ALPHA = 4, 8
STEPS = 10
LEARNING_RATE = {"base": 1e-3, "lora": 1e-2}
GREEDY = 24

MODELS = {
    # Heads that are wider than the hidden size, and no size that a workgroup divides.
    "llama_untied": dict(
        vocab_size=517, hidden_size=60, intermediate_size=100, num_hidden_layers=3,
        num_attention_heads=6, num_key_value_heads=3, head_dim=20, tie_word_embeddings=False,
        rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 500.0},
    ),
    "llama_tied": dict(
        vocab_size=301, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=8, num_key_value_heads=2, head_dim=8, tie_word_embeddings=True,
        rms_norm_eps=1e-6, rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    ),
}


def random_model(sizes, seed):
    torch.manual_seed(seed)
    config = LlamaConfig(
        **sizes, max_position_embeddings=64, initializer_range=0.15, bos_token_id=1, eos_token_id=2,
        attention_dropout=0.0,
    )
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).float()
    with torch.no_grad():
        for name, gain in model.named_parameters():
            if "norm" in name:
                gain.copy_(1 + 0.3 * torch.randn_like(gain))
    return model.eval()


def random_sequences(vocab, generator, must_hold=()):
    """Ragged ids, and which of them are supervised: about half, never the first."""
    sequences = []
    for length in LENGTHS:
        ids = torch.randint(3, vocab, (length,), generator=generator)
        for token in must_hold:  # as input and as label
            ids[torch.randint(1, length - 1, (1,), generator=generator)] = token
        supervised = torch.rand(length, generator=generator) < 0.5
        supervised |= torch.isin(ids, torch.tensor(list(must_hold), dtype=ids.dtype))
        supervised[0], supervised[-1] = False, True
        sequences.append((ids, supervised))
    return sequences


def run(model, sequences):
    """Logits, the residual stream after each block and token losses of all rows, and the loss."""
    streams = []
    layers = model.get_base_model().model.layers if hasattr(model, "peft_config") else model.model.layers
    hooks = [
        layer.register_forward_hook(
            lambda _, __, out: streams.append((out[0] if isinstance(out, tuple) else out)[0])
        )
        for layer in layers
    ]
    logits, losses, hidden = [], [], [[] for _ in layers]
    for ids, supervised in sequences:
        streams.clear()
        out = model(input_ids=ids[None], use_cache=False).logits[0]
        logits.append(out)
        for into, stream in zip(hidden, streams):
            into.append(stream)
        token_losses = torch.nn.functional.cross_entropy(out[:-1], ids[1:], reduction="none")
        losses.append(torch.cat([token_losses * supervised[1:], torch.zeros(1)]))
    for hook in hooks:
        hook.remove()
    losses = torch.cat(losses)
    loss = losses.sum() / sum(int(supervised.sum()) for _, supervised in sequences)
    return torch.cat(logits), [torch.cat(parts) for parts in hidden], losses, loss


def train(model, sequences, learning_rate):
    """AdamW with a constant rate and clipping; the losses and the norms before clipping."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01
    )
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = run(model, sequences)[3]
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(trained, 1.0).item())
        optimizer.step()
        losses.append(loss.item())
    return {"learning_rate": learning_rate, "losses": losses, "norms": norms}


@torch.no_grad()
def greedy(model, sequences):
    """Greedy continuations of the sequences, and the smallest lead of a chosen logit."""
    continuations, lead = [], float("inf")
    for ids, _ in sequences:
        line = ids
        for _ in range(GREEDY):
            logits = model(input_ids=line[None], use_cache=False).logits[0, -1]
            best = logits.topk(2).values
            lead = min(lead, (best[0] - best[1]).item())
            line = torch.cat([line, logits.argmax()[None]])
        continuations.append(line[len(ids):].tolist())
    return {"continuations": continuations, "lead": lead}


def described(sequences):
    return [{"ids": ids.tolist(), "supervised": mask.tolist()} for ids, mask in sequences]


def base_golden(model, sequences, tensors):
    logits, hidden, losses, loss = run(model, sequences)
    loss.backward()
    tensors |= {"base.logits": logits, "base.token_losses": losses}
    tensors |= {f"base.hidden.{index}": stream for index, stream in enumerate(hidden)}
    for name, parameter in model.named_parameters():
        tensors[f"base.gradient.{name}"] = parameter.grad.clone()
    about = {"sequences": described(sequences), "loss": loss.item(), "greedy": greedy(model, sequences)}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    about["steps"] = train(model, sequences, LEARNING_RATE["base"])
    model.load_state_dict(before)
    model.zero_grad()
    return about


def lora_golden(model, generator, tensors):
    vocab, hidden = model.config.vocab_size, model.config.hidden_size
    new = list(range(vocab, vocab + NEW_TOKENS))
    model.resize_token_embeddings(vocab + NEW_TOKENS, mean_resizing=False)
    with torch.no_grad():
        tables = {"input": model.get_input_embeddings().weight}
        if not model.config.tie_word_embeddings:
            tables["output"] = model.get_output_embeddings().weight
        for name, table in tables.items():
            table[new] = 0.15 * torch.randn(NEW_TOKENS, hidden, generator=generator)
            tensors[f"rows.{name}"] = table[new].clone()
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, task_type="CAUSAL_LM",
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
            trainable_token_indices={"embed_tokens": new},
        ),
    ).eval()
    trained = {}
    for name, parameter in adapted.named_parameters():
        if not parameter.requires_grad:
            continue
        if "trainable_tokens_delta" in name:
            trained["rows"] = parameter
            continue
        path = name.removeprefix("base_model.model.")
        path, side = path.split(".lora_")
        trained[f"{path}.{side[0].lower()}"] = parameter
        if side[0] == "B":
            with torch.no_grad():
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    tensors |= {f"lora.{name}": value.detach().clone() for name, value in trained.items() if name != "rows"}
    sequences = random_sequences(vocab, generator, must_hold=new)
    logits, _, losses, loss = run(adapted, sequences)
    loss.backward()
    tensors |= {"lora.logits": logits, "lora.token_losses": losses}
    tensors |= {f"lora.gradient.{name}": value.grad.clone() for name, value in trained.items()}
    about = {
        "sequences": described(sequences), "loss": loss.item(), "rank": RANK, "alpha": ALPHA,
        "new_ids": new, "greedy": greedy(adapted, sequences),
    }
    about["steps"] = train(adapted, sequences, LEARNING_RATE["lora"])
    tensors |= {f"lora.final.{name}": value.detach().clone() for name, value in trained.items()}
    return about


def main():
    versions = {name: version(name) for name in ("torch", "transformers", "peft", "safetensors")}
    # From seeds 0 and 7 some first gradient is so near 0 that its AdamW step hangs on the rounding.
    for seed, (name, sizes) in enumerate(MODELS.items(), start=3):
        directory = GOLDENS / name
        directory.mkdir(parents=True, exist_ok=True)
        model = random_model(sizes, seed)
        model.save_pretrained(directory)
        (directory / "generation_config.json").unlink(missing_ok=True)
        generator = torch.Generator().manual_seed(seed)
        tensors = {}
        about = {
            "made_by": "tests/parity/make_llama_golden.py", "versions": versions,
            "base": base_golden(model, random_sequences(sizes["vocab_size"], generator), tensors),
            "lora": lora_golden(model, generator, tensors),
        }
        save_file(
            {key: value.detach().float().contiguous().clone() for key, value in tensors.items()},
            directory / "golden.safetensors", metadata=versions,
        )
        (directory / "golden.json").write_text(json.dumps(about, indent=1) + "\n")
        for part in ("base", "lora"):
            steps = about[part]["steps"]
            print(name, part, "loss", about[part]["loss"], "lead", about[part]["greedy"]["lead"])
            print("  losses", steps["losses"], "norms", steps["norms"])


if __name__ == "__main__":
    main()
