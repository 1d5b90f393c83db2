import assert from "node:assert/strict";
import {
  formatRate,
  formatRates,
  formatVerdict,
  hallucinationFormat,
  labelF1,
  labelOf,
} from "../../../src/evaluation/metrics/formatted_text.ts";
import { readJsonObject, readObject } from "../../../src/evaluation/metrics/read_object.ts";
import { negatives } from "./format_negatives.ts";

const read = (text: string) => readObject(text)?.object;
const mended = (text: string) => readObject(text, "lenient")?.object;

Deno.test("readObject() reads none of the adversarial negatives", () => {
  assert.ok(negatives.length >= 60);
  assert.equal(new Set(negatives).size, negatives.length);
  for (const text of negatives) assert.equal(readObject(text), undefined, text);
});

Deno.test("readObject() reads JSON, else a Python literal, and says which", () => {
  assert.deepEqual(readObject('{"a": "b"}'), { object: { a: "b" }, by: "json" });
  assert.deepEqual(readObject("{'a': 'b'}"), { object: { a: "b" }, by: "python" });
  assert.deepEqual(readObject('{"a": true}'), { object: { a: true }, by: "json" });
  assert.deepEqual(readObject("{'a': True}"), { object: { a: true }, by: "python" });
  assert.deepEqual(readObject('{"a": 1,}'), { object: { a: 1 }, by: "python" });
  assert.deepEqual(readObject("{}"), { object: {}, by: "json" });
});

Deno.test("readObject() passes over brackets and quotes in strings", () => {
  for (
    const [text, value] of [
      [`{"a": "} ] {[", "b": "x"}`, "} ] {["],
      [`{'a': '} , {', 'b': 'x'}`, "} , {"],
      [`{"a": "\\"}\\"", "b": "x"}`, '"}"'],
      [`{'a': '\\'}', 'b': 'x'}`, "'}"],
      [`{'a': "don't, and 'so', too", 'b': 'x'}`, "don't, and 'so', too"],
      [`{'a': "the dogs' }", 'b': 'x'}`, "the dogs' }"],
      [`{'a': 'he said "so"', 'b': 'x'}`, 'he said "so"'],
      [`{"a": "\\\\", "b": "x"}`, "\\"],
      [`{'a': 'caf\\u00e9 \\x21\\n', 'b': 'x'}`, "café !\n"],
      [`{"a": "caf\\u00e9 \\/\\n", "b": "x"}`, "café /\n"],
      [`{'a': '', 'b': 'x'}`, ""],
      [`{'a': 'Sjáðu „þetta“ og “that”: ‘it’', 'b': 'x'}`, "Sjáðu „þetta“ og “that”: ‘it’"],
    ] as const
  ) assert.deepEqual(read(text), { a: value, b: "x" }, text);
});

Deno.test("readObject() passes over what stands around the object, the first of which wins", () => {
  const own = "{'a': 'b'}";
  for (
    const text of [
      "Sure! Here is the JSON:\n" + own,
      "```json\n" + own + "\n```",
      "```python\nprint(" + own + ")\n```",
      own + " I hope that helps {x}",
      own + "\n{'a': 'second'}",
      own + own,
      "[" + own + "]",
      "  \n\t" + own + "\n",
      "{ 'a'\n:\t'b' }",
      own + "{".repeat(1000),
    ]
  ) assert.deepEqual(read(text), { a: "b" }, text);
  assert.equal(read("{x} " + own), undefined); // the first { decides
});

Deno.test("readObject() mends what it is told to, where that gives an object", () => {
  for (
    const [text, value] of [
      ["{“a”: “b”, “c”: ‘d’}", { a: "b", c: "d" }],
      ["{'a': 'It's here', 'c': 'd'}", { a: "It's here", c: "d" }],
      [`{"a": "say "so" now", "c": "d"}`, { a: 'say "so" now', c: "d" }],
      ["{'a': 'one\ntwo', 'c': 'd'}", { a: "one\ntwo", c: "d" }],
      [`{'a': true, "c": None}`, { a: true, c: null }],
      ["{'a': 'b', 'c': 'd'", { a: "b", c: "d" }],
      ["{'a': 'b', 'c': 'd", { a: "b", c: "d" }],
      ["{'a': 'b', ", { a: "b" }],
      ["{'a': ['b', {'c': 'd", { a: ["b", { c: "d" }] }],
      ["{'a': 'True, and, }', 'c': [1,],", { a: "True, and, }", c: [1] }],
      ["{'a': 'b'\\", { a: "b'\\" }],
      ["{'a': 'x\\'y', \"c\": 'd'", { a: "x'y", c: "d" }],
    ] as const
  ) {
    assert.equal(readObject(text), undefined, text);
    assert.deepEqual(mended(text), value, text);
  }
  assert.deepEqual(readObject("{“a”: “b”}", "lenient")?.by, "repair");
  assert.deepEqual(readObject("{'a': 'b'}", "lenient")?.by, "python");
  for (const text of ["{'a':", "{'a'", "{a: b}", "no", "{'a': }", "{]"]) {
    assert.equal(mended(text), undefined, text);
  }
});

Deno.test("readObject() neither overflows nor slows on what is deep, long or endless", () => {
  const size = 1_000_000;
  const nested = (depth: number) => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
  assert.ok(read(nested(100)) !== undefined);
  assert.equal(read(nested(101)), undefined);
  const start = performance.now();
  for (
    const text of [
      "{".repeat(size),
      '{"a":'.repeat(size / 5),
      "{[".repeat(size / 2),
      "{" + "'".repeat(size),
      "{'" + "' ".repeat(size / 2),
      "{'" + " ".repeat(size / 2) + "'" + " ".repeat(size / 2),
      "{'" + "\\".repeat(size),
      "{'a': '" + "x'x".repeat(size / 3),
      "{'a': '" + "x', ".repeat(size / 4),
      "{" + ", ".repeat(size / 2),
      "{" + "1".repeat(size) + "}",
      "{'a': " + "1_".repeat(size / 2) + "}",
      "{'a': [" + "' ' ".repeat(size / 4) + "]",
      "{" + "\u201c".repeat(size),
    ]
  ) {
    assert.equal(readObject(text), undefined);
    readObject(text, "lenient");
  }
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds < 20, `${seconds} s`); // a quadratic reader would take hours
});

Deno.test("readJsonObject() wants the whole answer in JSON", () => {
  assert.deepEqual(readJsonObject(' {"a": [1]}\n'), { a: [1] });
  for (const text of ["{'a': 1}", 'So: {"a": 1}', '{"a": 1} {"a": 1}', "[1]", '"a"', ""]) {
    assert.equal(readJsonObject(text), undefined, text);
  }
});

const answer = (thought: string, hallucination: string) =>
  `{'thought': '${thought}', 'hallucination': '${hallucination}'}`;

Deno.test("formatVerdict() climbs from parsable to schema to correct", () => {
  const verdictOf = (text: string) => {
    const { rawJson, parsable, schema, correct } = formatVerdict(
      { answer: text, gold: "no" },
      hallucinationFormat,
    );
    return [rawJson, parsable, schema, correct].map(Number).join("");
  };
  assert.equal(verdictOf("no"), "0000");
  assert.equal(verdictOf("{}"), "1100");
  assert.equal(verdictOf("{'thought': 'x'}"), "0100");
  assert.equal(verdictOf("{'thought': 'x', 'hallucination': 'no', 'more': 'y'}"), "0100");
  assert.equal(verdictOf("{'thought': 1, 'hallucination': 'no'}"), "0100");
  assert.equal(verdictOf(answer("x", "No")), "0100");
  assert.equal(verdictOf(answer("x", "No hallucination found")), "0100");
  assert.equal(verdictOf(answer("x", "yes")), "0110");
  assert.equal(verdictOf("Well: " + answer("x", "no")), "0111");
  assert.equal(verdictOf('{"hallucination": "no", "thought": "x"}'), "1111");
  assert.equal(labelOf(answer("x", "yes"), hallucinationFormat), "yes");
});

Deno.test("formatRate() and labelF1() count over answers", () => {
  const items = [
    { answer: answer("a", "no"), gold: "no" },
    { answer: answer("a", "no"), gold: "yes" },
    { answer: answer("a", "yes"), gold: "yes" },
    { answer: answer("a", "no"), gold: "no" },
    { answer: "nothing", gold: "yes" },
  ];
  const rates = formatRates.map((rate) => formatRate(rate, hallucinationFormat).score(items).value);
  assert.deepEqual(rates, [0, 0.8, 0.8, 0.6]);
  const f1 = labelF1(hallucinationFormat).score(items);
  // no: 2 of 3 said, 2 of 2 found, F1 = 4/5; yes: 1 of 1 said, 1 of 3 found, F1 = 1/2.
  assert.ok(Math.abs(f1.value - (0.8 + 0.5) / 2) < 1e-12);
  assert.deepEqual(f1.items, [1, 0, 1, 1, 0]);
  assert.ok(Number.isNaN(formatRate("schema", hallucinationFormat).score([]).value));
});
