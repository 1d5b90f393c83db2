"""What the reference implementations compute: transformers for models, PEFT for adapters.

Sequences are ragged; the reference runs them as one batch, padded on the right and masked, and only
the real rows are kept. A loss is the mean over the supervised tokens, which transformers computes
itself from labels of which the others are -100.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

GOLDENS = Path(__file__).parents[2] / "fixtures" / "goldens"
LENGTHS = [9, 17, 5]
PAD, BOS, EOS = 0, 1, 2
FIRST_TOKEN = 3
MAX_POSITIONS = 96
NEW_TOKENS = 2
RANK, ALPHA = 4, 8
STEPS = 20
GREEDY = 64


def versions():
    packages = {name: version(name) for name in ("torch", "transformers", "peft", "safetensors")}
    return {"python": platform.python_version()} | packages


def random_model(spec):
    """A model of `spec` whose gains and biases are random too, so that none can be dropped unseen."""
    torch.manual_seed(spec.seed)
    sizes = {"initializer_range": 0.15} | spec.config
    config = AutoConfig.for_model(
        spec.model_type, **sizes, max_position_embeddings=MAX_POSITIONS, attention_dropout=0.0,
        bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD,
    )
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if name.endswith("norm.weight"):
                # Gemma stores gain - 1.
                parameter.copy_(0.3 * noise + (0 if spec.model_type.startswith("gemma") else 1))
            elif name.endswith(".bias"):
                parameter.copy_(0.2 * noise)
        if spec.model_type.startswith("gemma"):
            # Its scaled embedding, which is also the head, would make every token predict itself.
            model.get_input_embeddings().weight.mul_(0.4)
    return model.eval()


def load_model(directory):
    """The model in `directory`, in f32."""
    return AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def random_sequences(vocab, generator, must_hold=()):
    """Ragged ids, and which of them are supervised: about half, never the first."""
    sequences = []
    for length in LENGTHS:
        ids = torch.randint(FIRST_TOKEN, vocab, (length,), generator=generator)
        for token in must_hold:  # as input and as label
            ids[torch.randint(1, length - 1, (1,), generator=generator)] = token
        supervised = torch.rand(length, generator=generator) < 0.5
        supervised |= torch.isin(ids, torch.tensor(list(must_hold), dtype=ids.dtype))
        supervised[0], supervised[-1] = False, True
        sequences.append((ids, supervised))
    return sequences


def layers_of(model):
    return (model.get_base_model() if hasattr(model, "peft_config") else model).model.layers


def run(model, sequences):
    """Logits, the residual stream after each block and token losses of all real rows, and the loss."""
    length = max(len(ids) for ids, _ in sequences)
    input_ids = torch.full((len(sequences), length), PAD)
    labels = torch.full((len(sequences), length), -100)
    mask = torch.zeros(len(sequences), length, dtype=torch.long)
    for row, (ids, supervised) in enumerate(sequences):
        input_ids[row, : len(ids)] = ids
        labels[row, : len(ids)] = torch.where(supervised, ids, -100)
        mask[row, : len(ids)] = 1
    streams = []
    hooks = [
        layer.register_forward_hook(
            lambda _, __, out: streams.append(out[0] if isinstance(out, tuple) else out)
        )
        for layer in layers_of(model)
    ]
    output = model(input_ids=input_ids, attention_mask=mask, labels=labels, use_cache=False)
    for hook in hooks:
        hook.remove()
    targets = torch.cat([labels[:, 1:], torch.full((len(sequences), 1), -100)], dim=1)
    losses = torch.nn.functional.cross_entropy(
        output.logits.transpose(1, 2), targets, reduction="none", ignore_index=-100
    )
    real = mask.bool()
    return output.logits[real], [stream[real] for stream in streams], losses[real], output.loss


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
    """Greedy continuations, and the smallest lead of a chosen logit over the largest magnitude."""
    continuations, lead = [], float("inf")
    for ids, _ in sequences:
        line = ids
        for _ in range(GREEDY):
            logits = model(input_ids=line[None], use_cache=False).logits[0, -1]
            best = logits.topk(2).values
            lead = min(lead, ((best[0] - best[1]) / logits.abs().max()).item())
            line = torch.cat([line, logits.argmax()[None]])
        continuations.append(line[len(ids):].tolist())
    return {"continuations": continuations, "lead": lead}


def add_tokens(model, generator):
    """Adds random rows behind the tables; returns their ids, and the rows by table."""
    vocab, hidden = model.config.vocab_size, model.config.hidden_size
    new = list(range(vocab, vocab + NEW_TOKENS))
    model.resize_token_embeddings(vocab + NEW_TOKENS, mean_resizing=False)
    spread = min(0.15, model.config.initializer_range)
    tables = {"input": model.get_input_embeddings().weight}
    if not model.config.tie_word_embeddings:
        tables["output"] = model.get_output_embeddings().weight
    with torch.no_grad():
        for table in tables.values():
            table[new] = spread * torch.randn(NEW_TOKENS, hidden, generator=generator)
    return new, {name: table[new].detach().clone() for name, table in tables.items()}


def adapt(model, targets, new, generator, **settings):
    """A PEFT adapter with random A and B on `targets`, which trains the embedding's rows `new`."""
    settings = {"trainable_token_indices": {"embed_tokens": new}} | settings
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, task_type="CAUSAL_LM",
            target_modules=targets, **settings,
        ),
    ).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
            elif "lora_A" in name:
                bound = parameter.shape[1] ** -0.5
                parameter.copy_(bound * (2 * torch.rand(parameter.shape, generator=generator) - 1))
    return adapted


def trained_of(adapted):
    """The trained parameters by our names: `<path>.a`, `<path>.b` and `rows`."""
    trained = {}
    for name, parameter in adapted.named_parameters():
        if not parameter.requires_grad:
            continue
        if "trainable_tokens_delta" in name:
            trained["rows"] = parameter
            continue
        path, side = name.removeprefix("base_model.model.").split(".lora_")
        trained[f"{path}.{side[0].lower()}"] = parameter
    return trained


if __name__ == "__main__":
    print(json.dumps(versions()))
