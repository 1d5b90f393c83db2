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
    "{}", "{'a': 0}", "{'a': 00}", "{'a': 01}", "{'a': 1__0}", "{'a': 1_}", "{'a': +1}", "{'a': -1}", "{'a': --1}",
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


def write(name, content):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    print(OUT / name)


if __name__ == "__main__":
    import warnings
    warnings.simplefilter("ignore")
    literals()
