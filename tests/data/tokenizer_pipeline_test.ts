// Characters that JavaScript and the reference class otherwise, each with what the Python library gave.
import assert from "node:assert/strict";
import { readPipeline } from "../../src/data/tokenizer_pipeline.ts";

const model = { type: "WordLevel", vocab: {} };
const split = (pre_tokenizer: unknown, text: string, first = true) =>
  readPipeline({ model, pre_tokenizer }).split(text, first);
const normalize = (normalizer: unknown, text: string) =>
  readPipeline({ model, normalizer }).normalize(text);

Deno.test("Pipeline.split() knows the digits that JavaScript's tables lack", () => {
  const digits = (individual_digits: boolean) => ({ type: "Digits", individual_digits });
  assert.deepEqual(split(digits(true), "a1٣½\u{11DE0}b"), ["a", "1", "٣", "½", "\u{11DE0}", "b"]);
  assert.deepEqual(split(digits(false), "a1٣½\u{11DE0}b"), ["a", "1٣½\u{11DE0}", "b"]);
});

Deno.test("Pipeline.split() merges a delimiter with its neighbour as it is told", () => {
  const at = (behavior: string) => ({
    type: "Split",
    pattern: { String: "." },
    behavior,
    invert: false,
  });
  assert.deepEqual(split(at("Isolated"), ".a..b"), [".", "a", ".", ".", "b"]);
  assert.deepEqual(split(at("MergedWithPrevious"), ".a..b"), [".", "a.", ".", "b"]);
  assert.deepEqual(split(at("MergedWithNext"), ".a..b."), [".a", ".", ".b", "."]);
});

Deno.test("Pipeline.split() takes white space as the reference does", () => {
  assert.deepEqual(split({ type: "WhitespaceSplit" }, " a\u0085b\ufeffc\x1cd "), [
    "a",
    "b\ufeffc\x1cd",
  ]);
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: true };
  assert.deepEqual(split(metaspace, "a  b"), ["▁a", "▁", "▁b"]);
  assert.deepEqual(split(metaspace, "a b", false), ["a", "▁b"]);
});

Deno.test("Pipeline.normalize() composes no character younger than the reference's tables", () => {
  const nfc = { type: "NFC" };
  assert.equal(normalize(nfc, "e\u0301"), "é");
  assert.equal(normalize(nfc, "a\u07fd\u0301"), "a\u07fd\u0301");
  assert.equal(normalize(nfc, "\u{1611e}\u{1611e}"), "\u{1611e}\u{1611e}");
});

Deno.test("Pipeline.normalize() writes a replacement as it is", () => {
  const replace = { type: "Replace", pattern: { String: "." }, content: "$&$1" };
  assert.equal(normalize(replace, "a.b."), "a$&$1b$&$1");
  assert.equal(normalize({ type: "Prepend", prepend: "▁" }, ""), "");
});
