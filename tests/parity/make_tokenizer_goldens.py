"""Makes the goldens of tests/data/tokenizer_golden_test.ts and chat_golden_test.ts.

    python3 -m venv .venv && .venv/bin/pip install -r tests/parity/requirements.txt
    .venv/bin/python tests/parity/make_tokenizer_goldens.py

One file of fixtures/goldens/tokenizers a family: a small tokenizer (a few hundred tokens, trained on
the sentences below) that has exactly the family's pipeline, what the Python library `tokenizers`
makes of TEXTS once `<sep>` is added to it, and, where the family has a chat template, what
transformers makes of CHATS: text, ids, and which ids are the assistant's. The last comes from the
same template with {% generation %} blocks around what a model has to write.
"""

import json
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

from chat_templates import CHATS, TEMPLATES

OUT = Path(__file__).parents[2] / "fixtures" / "goldens" / "tokenizers"

SENTENCES = [
    "The model learns the format of the answer from a few examples.",
    "Use the format: first the question, then the answer, then nothing else.",
    "def answer(question):\n    return question.strip().lower() == 'yes'\n",
    "for (let i = 0; i < 10; i++) {\n  console.log(i, 2024, 3.14159);\n}\n",
    "It's what they've said: we'll see, I'd say he's right, don't you think?",
    "In 2023 there were 1234567 people; 98.6% of them asked 42 questions.",
    "Le modèle apprend la réponse, où qu'elle soit. Größe und Straße, naïve café.",
    "模型从几个例子中学习答案的格式。今日はいい天気ですね。한국어 문장입니다.",
    "Привет, как дела? Модель учится отвечать. Γειά σου Κόσμε.",
    "مرحبا بالعالم كيف حالك اليوم", "שלום עולם מה שלומך היום",
    "HTTPServer getURL parseJSON camelCase SHOUTING Mixed CamelHTTP",
    "    four spaces\n\ttab\n\n\nthree lines   three spaces", "hello world, hello there, world of words",
]

# Characters that JavaScript classes otherwise than the reference: often enough that tokens hold them.
SENTENCES += [
    "مم ٣٤٥ مم ٣٤٥ ½½ ½½ ①② ①②", "ſab ſab xſab", "!\ufeff! !\ufeff! \ufeff", "\u0085\u0085x \u0085\u0085x \u0085 x",
] * 8

TEXTS = [
    "hello", "hello world", " hello", "  hello", "hello ", "hello  ", "   ", " ", "\n", "\n\n", "\n \n", "\t",
    "hello\nworld", "hello\r\nworld", "a\n\n\nb", "  indented\n    more\n\tand tab\n", "a  b   c    d",
    "The model's answer: it's 'fine', I'LL say, WE'VE done; don't.", "it'ſ old", "it'ſab", "it'Sab", "!\ufeff! x",
    "0", "7", "42", "123", "1234", "1234567890", "3.14159 and 2,024", "x1y22z333", "٣٤٥", "½ ² Ⅷ ①", "१२३", "½½ ①② ٣٤٥6", "مم ٣٤٥ ½",
    "café", "cafe\u0301", "e\u0301\u0302 a\u0308", "a\u07fde\u0301 a\u07fd\u0301 \U0001611e\U0001611e", "1\U00011de0\U00016ff4", "ﬁ ﬂ Å \u212b", "naïve Größe STRASSE straße",
    "模型学习答案", "今日はいい天気", "한국어 문장", "\u1112\u1161\u11ab", "Привет мир", "مرحبا بالعالم", "שלום עולם",
    "🙂", "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽", "a🙂b", "\U0001f9ff\U00020000", "𝒳𝔸",
    "def f(x):\n    return x ** 2  # ok\n", "if (a<=b && c!=d) { return; }", "https://example.org/a?b=c&d=%20",
    "\u0000\u0001\u0007\u001b[0m\u007f", "\u0085next\u2028line\u2029par", "\ufeffbom \ufeff mid", "\ufeff\ufeff x\ufeff\ufeff x", "\u0085\u0085x \u0085\u0085x \u0085 x", "nb\u00a0sp\u3000wide\u200bzero",
    "\ufffd \ufffe", "soft\u00adhyphen\u200d", "▁under ▁▁ line_ _", "Ġhello Ċ ĉ", "<0x41> <0xE2>",
    "the<sep>format", "the <sep> format", "<sep>", "<sep><sep>", " <sep> ", "<sep>, and", "a\n<sep>\nb", "< sep >", "<sep", "x<sep>1<sep> 2",
    "<s>hello</s>", "<s> hello </s>", "<unk>", "hello<|end|> there <|end|>\n", "<|user|>\n hi<|assistant|>\nho",
    "<|im_start|>user\nhi<|im_end|>\n", "<|endoftext|>x", "<think>\nhm\n</think>\n\nyes", "<start_of_turn>user\nhi<end_of_turn>\n",
    "a <left> b", "a<left>b", "a <right> b", "a<right>\n\nb", "a <both>  b", "a  <both><both>  b", "<right> <left>", "\n<left>\n",
    "a <word> b", "a<word>b", "a<word>", "é<word> <word>é", "_<word>-<word>.", "a <plain> b", "a<plain>b", "<plain>", "<right> \n x", "<right>\n\n<left>",
    "a\u3000<both>\u0085b", "\ufeff<both>\ufeffb", "A<NORM>b <norm>", "<norm>hello <norm> e\u0301", "a<ñ>b<a b>c",
    "CamelCase HTTPServer getURL's ÀÉ Éa", "a.b,c;d:e!f?g", "....", "!!! ??? ...\n", "—–-- “quotes” ‘x’", "$100 €5 £7 +1 =2", "hello\u200bworld\u2060",
]

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
          r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
          r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

class FixedDate(datetime):
    """Templates that print today's date get the one that training pins."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26)


chat_template_utils.datetime = FixedDate

# Flags of an added token that the families use, on tokens that TEXTS hold.
FLAGS = [
    AddedToken("<left>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True, normalized=False),
    AddedToken("<both>", lstrip=True, rstrip=True, normalized=False, special=True),
    AddedToken("<word>", single_word=True, normalized=False), AddedToken("<plain>", normalized=False),
    AddedToken("<norm>", normalized=True), AddedToken("<ñ>", normalized=False), AddedToken("<a b>", normalized=False),
]


def special(*contents, **flags):
    return [AddedToken(content, special=True, normalized=False, **flags) for content in contents]


def sentence_piece(names, size=620):
    """A BPE model over characters with `▁` for a space and 256 byte tokens, as SentencePiece exports."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=size, special_tokens=names + bytes_, show_progress=False, limit_alphabet=110))
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    # Runs of spaces are tokens of their own in these families.
    for run in ["▁▁", "▁▁▁▁"]:
        if run not in model["vocab"]:
            model["vocab"][run] = len(model["vocab"])
            merges.append((run[: len(run) // 2],) * 2)
    return Tokenizer(models.BPE(model["vocab"], merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))


def byte_level(pre_tokenizer, normalizer=None, size=500, **options):
    trained = Tokenizer(models.BPE())
    if normalizer is not None:
        trained.normalizer = normalizer
    trained.pre_tokenizer = pre_tokenizer
    trained.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    model = json.loads(trained.to_str())["model"]
    vocab, merges = model["vocab"], [tuple(pair) for pair in model["merges"]]
    if options.get("ignore_merges"):  # a whole word that no merge makes
        vocab["answer"] = len(vocab)
    tokenizer = Tokenizer(models.BPE(vocab, merges, **options))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def split(regex):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(regex), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False),
    ])


def bos_first(tokenizer, bos):
    return processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.token_to_id(bos))])


def llama2(names=("<unk>", "<s>", "</s>"), added=None):
    tokenizer = sentence_piece(list(names))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(added or special("<unk>", "<s>", "</s>"))
    tokenizer.post_processor = bos_first(tokenizer, "<s>")
    return tokenizer


def metaspace(prepend_scheme, split):
    tokenizer = llama2()
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend_scheme, split=split)
    if split:
        tokenizer.decoder = decoders.Metaspace(prepend_scheme=prepend_scheme)
    return tokenizer


def llama3():
    tokenizer = byte_level(split(LLAMA3), ignore_merges=True)
    tokenizer.add_special_tokens(special(
        "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False), bos_first(tokenizer, "<|begin_of_text|>")])
    return tokenizer


def tekken():
    tokenizer = byte_level(split(TEKKEN), ignore_merges=True)
    tokenizer.add_special_tokens(special("<unk>", "<s>", "</s>", "[INST]", "[/INST]"))
    tokenizer.post_processor = bos_first(tokenizer, "<s>")
    return tokenizer


def qwen2():
    tokenizer = byte_level(split(QWEN2), normalizers.NFC())
    tokenizer.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ["<think>", "</think>"]])
    return tokenizer


def gemma():
    tokenizer = sentence_piece(["<pad>", "<eos>", "<bos>", "<unk>"])
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous", invert=False)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(special("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"))
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ["\n", "\n\n", "▁▁", "\t"]])
    tokenizer.post_processor = bos_first(tokenizer, "<bos>")
    return tokenizer


def phi3():
    tokenizer = llama2(added=special("<unk>", "<s>") + [AddedToken("</s>", rstrip=True, normalized=False)]
                       + special("<|endoftext|>")
                       + special("<|user|>", "<|system|>", "<|assistant|>", "<|end|>", rstrip=True))
    return tokenizer


def gpt2(prefix=False):
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=True),
                           continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False)
    tokenizer.add_special_tokens(special("<|endoftext|>"))
    return tokenizer


def smollm2():
    tokenizer = byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]))
    tokenizer.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    return tokenizer


# Family → the tokenizer, what tokenizer_config.json says of it, and the names of its chat templates.
S = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
IM = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
FAMILIES = {
    "llama2": (llama2, S, ["llama2", "zephyr"]),
    "llama2_first": (lambda: metaspace("first", False), S, ["mistral"]),
    "mistral_v1": (lambda: metaspace("always", True), S, []),
    "llama3": (llama3, {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}, ["llama3"]),
    "tekken": (tekken, S, ["mistral"]),
    "qwen2": (qwen2, IM, ["chatml", "chatml_default", "qwen3"]),
    "gemma": (gemma, {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}, ["gemma"]),
    "phi3": (phi3, {**S, "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}, ["phi3"]),
    "gpt2": (gpt2, {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}, []),
    "gpt2_prefix": (lambda: gpt2(True), {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}, []),
    "smollm2": (smollm2, {"bos_token": "<|im_start|>", **IM}, ["chatml", "smollm3"]),
}


def encode_texts(tokenizer):
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    return {
        "ids": ids,
        "withSpecial": tokenizer.encode("hello", add_special_tokens=True).ids,
        "decoded": [tokenizer.decode(some, skip_special_tokens=False) for some in ids],
        # Without the first token and the last: runs of bytes that are no character.
        "cut": [tokenizer.decode(some[1:-1], skip_special_tokens=False) for some in ids],
        # Token by token, as generation meets them: halves of characters.
        "pieces": [tokenizer.decode([id], skip_special_tokens=False) for id in range(tokenizer.get_vocab_size())],
    }


def render_chats(tokenizer, config, names):
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **config)
    rendered = []
    for name in names:
        template, marked = TEMPLATES[name]
        for messages in CHATS:
            try:
                text = fast.apply_chat_template(messages, chat_template=template, tokenize=False)
            except Exception as error:  # the template refuses the chat
                rendered.append({"template": name, "messages": messages, "error": str(error)})
                continue
            out = fast.apply_chat_template(messages, chat_template=marked, tokenize=True, return_dict=True,
                                           return_assistant_tokens_mask=True)
            prompt = fast.apply_chat_template(
                messages[:-1], chat_template=template, tokenize=True, add_generation_prompt=True)["input_ids"]
            assert text == fast.apply_chat_template(messages, chat_template=marked, tokenize=False), name
            rendered.append({"template": name, "messages": messages, "text": text, "ids": out["input_ids"],
                             "assistant": out["assistant_masks"], "prompt": prompt})
    return rendered


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (make, config, templates) in FAMILIES.items():
        tokenizer = make()
        tokenizer.add_tokens(FLAGS)
        files = {"tokenizer": json.loads(tokenizer.to_str()), "config": {**config, "tokenizer_class": "PreTrainedTokenizerFast"}}
        tokenizer.add_special_tokens(special("<sep>"))
        golden = {**files, "sep": tokenizer.token_to_id("<sep>"), **encode_texts(tokenizer),
                  "chats": render_chats(tokenizer, config, templates)}
        (OUT / f"{name}.json").write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n")
    versions = {name: version(name) for name in ["tokenizers", "transformers", "jinja2"]}
    shared = {"versions": versions, "texts": TEXTS,
              "templates": {name: {"plain": plain, "marked": marked} for name, (plain, marked) in TEMPLATES.items()}}
    (OUT / "texts.json").write_text(json.dumps(shared, ensure_ascii=True, indent=1) + "\n")


if __name__ == "__main__":
    main()
