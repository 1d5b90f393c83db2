"""Writes fixtures/goldens/metrics/: what Python and sacreBLEU make of texts, and scipy of numbers.

    pip install sacrebleu==2.6.0 scipy==1.17.1 statsmodels==0.15.0 numpy==2.4.6
    python tests/parity/make_metric_goldens.py [FOLDER]

FOLDER holds leverage/{dev,test}-{en-is,is-en}.jsonl; without it their scores stay as they are. Of those
texts only hashes and scores are written.
"""

import ast
import hashlib
import json
import pathlib
import random
import sys

OUT = pathlib.Path("fixtures/goldens/metrics")

# --- Python literals -----------------------------------------------------------------------------

SEEDS = [
    "{'thought': 'It fits.', 'hallucination': 'no'}",
    "{'thought': \"It doesn't fit, so: no}\", 'hallucination': 'yes',}",
    "{\"a\": [1, -2.5, 1e3, .5, 7.], 'b': {'c': None, 'd': [True, False]}}",
    "{'a': 'x\\n\\t\\\\ \\x41\\u00e9\\U0001f600\\101\\q', 'b': 'one' \"two\"}",
    "{ 'a' : '' , 'b' : [ ] , 'c' : { } }",
    "{'a': '{[(', 'b': '''three''', 'c': 1_000}",
]
LITERALS = SEEDS + [
    "{}", "{'a': 0}", "{'a': 00}", "{'a': 01}", "{'a': 1__0}", "{'a': 1_}", "{'a': +1}", "{'a': -1}", "{'a': --1}", "{'a': [- 1, +\n.5]}",
    "{'a': 1.e3}", "{'a': 1e}", "{'a': .}", "{'a': 1.5.2}", "{'a': 1a}", "{'a': 0_0}", "{'a': 0.0_1}", "{'a': 01.5}",
    "{'a': True}", "{'a': true}", "{'a': null}", "{'a': Nonesuch}", "{'a': True1}", "{'a': Trueé}", "{'a': nan}",
    "{'a': '\\x4'}", "{'a': '\\u12'}", "{'a': '\\U00110000'}", "{'a': '\\777'}", "{'a': '\\N{BULLET}'}",
    "{'a': 'x\\\ny'}", "{'a': 'x\ny'}", "{'a': 'x\ry'}", "{'a': 'x\\'y'}", "{'a': 'x''y'}", "{'a' 'b': 1}", "{'a': 'b' }",
    "{,}", "{'a': 1,,}", "{'a': [,]}", "{'a': [1,,2]}", "{'a' 1}", "{'a':: 1}", "{'a': 1 'b': 2}", "{'a'}", "{'a': }",
    "{'a': 1}}", "{{'a': 1}}", "{'a': [1}", "{'a': 'b}", "{'a': \"b'}", "{'a': 1", "'a': 1}", "{a: 1}", "{1: 'a'}",
    "{'a': u'b'}", "{'a': r'b'}", "{'a': b'b'}", "{'a': f'b'}", "{'a': (1, 2)}", "{'a': {1}}", "{'a': 1j}", "{'a': 1+2}",
    "{'a': f()}", "{'a': x}", "{'a': 1 if x else 2}", "{**{}}", "{'a': 1} # c", "{'a': 1 # c\n}", "  {'a': 1}  ",
    "\n{'a':\n1\n}\n", "{'a': 'Þú átt 漢字 😀'}", "{'a': 1, 'a': 2}", "{'__proto__': 1}", "{'a': '\"'}", "{'a': \"\\\"\"}",
    "{'a': \u201cb\u201d}", "{\u2018a\u2019: 1}", "{'a'\u00a0: 1}", "{'a'\f: 1}", "{'a':\t1}",
    "{'a': '''it's\n'here' ''', 'b': \"\"\"\"x\\n\"\"\"}", "{'a': '''b''}", "{'a': ''''''}", "{'a': ''''}",
]
OUTSIDE = "outside"  # Python reads it; it holds a set, a tuple, bytes, a complex number or another key


def plain(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return True
    if isinstance(value, list):
        return all(map(plain, value))
    return isinstance(value, dict) and all(isinstance(k, str) and plain(v) for k, v in value.items())


def literal(text):
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return {"text": text, "reads": "no"}
    if not isinstance(value, dict):
        return {"text": text, "reads": "no"}
    if not plain(value):
        return {"text": text, "reads": OUTSIDE}
    return {"text": text, "reads": "yes", "value": value}


def mutated(random_):
    text = list(random_.choice(SEEDS))
    for _ in range(random_.randint(1, 3)):
        at = random_.randrange(len(text))
        choice = random_.random()
        if choice < 0.35:
            del text[at]
        elif choice < 0.7:
            text.insert(at, random_.choice("{}[]'\",:\\ 1a\n"))
        else:
            text[at] = random_.choice("{}[]'\",:\\ 1a\n")
    return "".join(text)


def literals():
    random_ = random.Random(20240612)
    texts = LITERALS + [mutated(random_) for _ in range(400)]
    rows = [literal(text) for text in dict.fromkeys(texts)]
    write("python_literals.json", {"python": sys.version.split()[0], "literals": rows})


# --- BLEU and chrF++ -----------------------------------------------------------------------------

WORDS = (
    "Þetta er lítið hús við sjóinn, og það er rautt! „Komdu,“ sagði hún; “why not?” 3,5 1.000 12-3 1.5- 7. "
    "e.g. U.S. co-operate rock-'n'-roll (maybe) [x] {y} a/b a&b &amp; &quot;so&quot; &lt;b&gt; it's don't ’tis — – … "
    "100% $5 #tag @me 漢字 仮名交じり文。 、 😀 👍🏽 naïve café 1984 no. 5. <skipped> ?! ... -- - . , é. 2,é ½.5"
).split()
FIXED = [
    ("the cat sat on a mat", ["the cat sat on the mat"]),
    ("Hún las bókina.", ["Hún las bækurnar.", "Hann svaf."]),
    ("", ["not empty"]), ("not empty", [""]), ("", [""]), ("a", ["a"]), ("a b", ["a b"]), ("a b c d", ["a b c d"]),
    (" ", ["x"]), ("x \n", ["x"]), ("x-\ny", ["xy"]), ("x-\n", ["x-"]), ("x\ny", ["x y"]), ("1,000.5", ["1,000.5."]),
    ("a\u00a0b\u3000c", ["a b c"]), ("a\ufeffb \ufeff", ["ab"]), ("a\x1cb\x85c", ["a b c"]), ("a\u200bb", ["a b"]),
    ("😀.😀,1.2", ["😀 . 😀 , 1.2"]), ("漢字仮名 交じり", ["漢字 仮名交じり文"]), ("...", ["..."]), ("(hi)", ["( hi )"]),
    ("a a a a a a", ["a a", "a a a"]), ("a b c", ["x y z"]), ("word", ["words"]), ("ab", ["abcdef ghijkl"]),
    ("one two three", ["one two", "one two three four"]), ("&amp;quot; &amp;lt;", ["&quot; &lt;"]),
    ("Sure, here is it", ["Sure, here is the Icelandic translation"]), ("A B C D E", ["a b c d e"]), ("'", ["'"]),
]


def synthetic():
    random_ = random.Random(7)
    pairs = list(FIXED)
    for i in range(32):
        reference = [random_.choice(WORDS) for _ in range(random_.randint(1, 24))]
        hypothesis = [w for w in reference if random_.random() > 0.2]
        for _ in range(random_.randint(0, 3)):
            hypothesis.insert(random_.randint(0, len(hypothesis)), random_.choice(WORDS))
        others = [" ".join(random_.sample(reference, max(1, len(reference) - 2))) for _ in range(i % 3)]
        pairs.append((" ".join(hypothesis), [" ".join(reference), *others]))
    return pairs


def metrics():
    from sacrebleu.metrics import BLEU, CHRF
    return {"bleu": (BLEU(), BLEU(effective_order=True)), "chrf": (CHRF(word_order=2), CHRF(word_order=2))}


def corpus(pairs):
    """Scores of a corpus and of its sentences; pairs with fewer references get None for the others."""
    most = max(len(references) for _, references in pairs)
    streams = [[r[i] if i < len(r) else None for _, r in pairs] for i in range(most)]
    result = {}
    for name, (whole, alone) in metrics().items():
        result[name] = {
            "value": whole.corpus_score([h for h, _ in pairs], streams).score,
            "signature": str(whole.get_signature()),
            "items": [alone.sentence_score(h, r).score for h, r in pairs],
        }
    return result


PREFIX = "Sure, here is the {} translation:"


def worse(line):
    """A line with every seventh word left out and every fifth doubled."""
    words = [w for i, w in enumerate(line.split(" ")) if i % 7 != 3]
    return " ".join(f"{w} {w}" if i % 5 == 2 else w for i, w in enumerate(words))


def documents(folder):
    result = []
    for name in ["dev-en-is", "dev-is-en", "test-en-is", "test-is-en"]:
        path = folder / "leverage" / f"{name}.jsonl"
        text = path.read_bytes().decode()
        rows = [json.loads(line) for line in text.split("\n") if line.strip()]
        responses = [row["response"] for row in rows]
        language = "Icelandic" if name.endswith("is") else "English"
        assert all(r.startswith(PREFIX.format(language)) for r in responses)
        stripped = [r[len(PREFIX.format(language)):].strip() for r in responses]
        lines = [line for r in stripped for line in r.split("\n") if line.strip()]
        made = {
            "whole, prefix kept": [("\n".join(map(worse, r.split("\n"))), [r]) for r in responses],
            "whole": [("\n".join(map(worse, r.split("\n"))), [r]) for r in stripped],
            "lines": [(worse(line), [line]) for line in lines],
            "source": [(row["query"], [r]) for row, r in zip(rows, stripped)],
            "next": [(stripped[(i + 1) % len(stripped)], [r]) for i, r in enumerate(stripped)],
        }
        corpora = {}
        for kind, pairs in made.items():
            scores = corpus(pairs)
            for score in scores.values():
                score["count"] = len(score["items"])
                score["items"] = score["items"][:8]
            corpora[kind] = scores
        result.append({"file": f"leverage/{name}.jsonl", "sha256": hashlib.sha256(text.encode()).hexdigest(), "corpora": corpora})
    return result


def translations(folder):
    import sacrebleu
    pairs = synthetic()
    path = OUT / "translations.json"
    kept = json.loads(path.read_text())["documents"] if path.exists() else []
    write("translations.json", {
        "sacrebleu": sacrebleu.__version__,
        "pairs": [{"hypothesis": h, "references": r} for h, r in pairs],
        "scores": corpus(pairs),
        "one_reference": corpus([(h, r[:1]) for h, r in pairs]),
        "documents": documents(folder) if folder else kept,
    })


# --- Statistics ----------------------------------------------------------------------------------


def mix(bits):
    import numpy as np
    bits = bits.astype(np.uint64)
    bits = ((bits ^ (bits >> np.uint64(16))) * np.uint64(0x7FEB352D)) & np.uint64(0xFFFFFFFF)
    bits = ((bits ^ (bits >> np.uint64(15))) * np.uint64(0x846CA68B)) & np.uint64(0xFFFFFFFF)
    return bits ^ (bits >> np.uint64(16))


def drawn(seed, resamples, count, start=0):
    """The draws of src/gpu/random.ts: [resamples, count] whole numbers below count."""
    import numpy as np
    streams = np.arange(resamples, dtype=np.uint64)[:, None]
    elements = np.arange(start, start + count, dtype=np.uint64)[None]
    word = np.uint64(0xFFFFFFFF)
    bits = mix((mix((mix(np.array(seed)) + streams) & word) + elements) & word)
    return np.floor((bits >> np.uint64(8)) / 2.0**24 * count).astype(int)


def statistics():
    import numpy as np
    import scipy
    import statsmodels
    from scipy import stats
    from statsmodels.stats.proportion import proportion_confint

    class Draws(np.random.Generator):
        """scipy resamples with our draws."""

        def __init__(self, seed):
            super().__init__(np.random.PCG64(0))
            self.seed = seed

        def integers(self, low, high=None, size=None, **_):
            assert low == 0 and size[1] == high
            return drawn(self.seed, size[0], high)

    numbers = np.random.default_rng(3)
    samples = {
        "skewed": np.round(numbers.exponential(2.0, 25), 3),
        "normal": np.round(numbers.normal(5.0, 1.0, 40), 3),
        "rate": (numbers.random(32) < 0.8).astype(float),
        "few": np.array([0.1, 0.5, 0.2]),
    }
    rows = []
    for name, sample in samples.items():
        for statistic in ["mean", "median"]:
            for method in ["percentile", "bca"]:
                for level, resamples in [(0.95, 999), (0.9, 400)]:
                    interval = stats.bootstrap(
                        (sample,), getattr(np, statistic), n_resamples=resamples, confidence_level=level,
                        method=method, rng=Draws(42), batch=None).confidence_interval
                    if np.isfinite(interval.low):
                        rows.append({"sample": name, "statistic": statistic, "method": method, "level": level,
                                     "resamples": resamples, "low": interval.low, "high": interval.high})
    a, b = np.round(numbers.normal(1.0, 1.0, 30), 3), np.round(numbers.normal(0.6, 1.0, 30), 3)
    paired = stats.bootstrap((a, b), lambda x, y, axis: np.mean(x, axis) - np.mean(y, axis), paired=True, vectorized=True,
                             n_resamples=999, method="bca", rng=Draws(42)).confidence_interval
    sums = (a - b)[drawn(42, 999, 30)].mean(1)
    scores = np.round(numbers.random((4, 12)), 3)
    seeds, items = drawn(42, 500, 4), np.stack([drawn(42, 500, 12, 4 + 12 * s) for s in range(4)])
    crossed = [scores[np.ix_(seeds[r], items[0][r])].mean() for r in range(500)]
    nested = [np.mean([scores[seeds[r][s]][items[s][r]].mean() for s in range(4)]) for r in range(500)]
    write("statistics.json", {
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__},
        "samples": {name: sample.tolist() for name, sample in samples.items()},
        "bootstrap": rows,
        "paired": {"a": a.tolist(), "b": b.tolist(), "low": paired.low, "high": paired.high,
                   "p": 2 * (min((sums <= 0).sum(), (sums >= 0).sum()) + 1) / 1000},
        "seeds": {"scores": scores.tolist(), "crossed": np.percentile(crossed, [2.5, 97.5]).tolist(),
                  "nested": np.percentile(nested, [2.5, 97.5]).tolist()},
        "wilson": [[k, n, level, *proportion_confint(k, n, 1 - level, "wilson")]
                   for k, n, level in [(0, 32, .95), (32, 32, .95), (1, 3, .95), (29, 32, .99), (500, 1000, .9), (0, 1, .95)]],
        "normal": [[p, stats.norm.ppf(p)] for p in [1e-9, 1e-4, .025, .3, .5, .7, .975, .9999]],
        "student": [[level, degrees, stats.t.ppf((1 + level) / 2, degrees)]
                    for level in [.5, .95, .999] for degrees in [1, 2, 3, 4, 5, 9, 30, 101]],
        "quantile": [[share, np.percentile([1, 2, 4, 8, 16], 100 * share)] for share in [0, .1, .25, .33, .9, 1]],
    })


def write(name, content):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(json.dumps(content, ensure_ascii=False, indent=1, default=float) + "\n")
    print(OUT / name)


if __name__ == "__main__":
    import warnings
    warnings.simplefilter("ignore")
    literals()
    statistics()
    translations(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None)
