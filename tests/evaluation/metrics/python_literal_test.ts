import assert from "node:assert/strict";
import { readPythonLiteral } from "../../../src/evaluation/metrics/python_literal.ts";
import goldens from "../../../fixtures/goldens/metrics/python_literals.json" with { type: "json" };

Deno.test("readPythonLiteral() reads what ast.literal_eval reads, and nothing else", () => {
  let read = 0;
  for (const { text, reads, value } of goldens.literals) {
    const ours = readPythonLiteral(text);
    if (reads === "yes") {
      // Comments, prefixes and characters by their names are what we leave out.
      const leftOut = /#|: [ur]'|\\N/.test(text);
      assert.deepEqual(ours, leftOut ? undefined : value, text);
      read++;
    } else assert.ok(ours === undefined || Array.isArray(ours), `${text} ${JSON.stringify(ours)}`);
  }
  assert.ok(read > 100, `${read} read`);
});

Deno.test("readPythonLiteral() keeps a key named __proto__ a key", () => {
  const value = readPythonLiteral("{'__proto__': {'a': 1}}");
  assert.deepEqual(Object.keys(value as object), ["__proto__"]);
  assert.equal((value as { a?: number }).a, undefined);
});

Deno.test("readPythonLiteral() refuses what is nested past its bound", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.ok(readPythonLiteral(nested(100)) !== undefined);
  assert.equal(readPythonLiteral(nested(102)), undefined);
  assert.equal(readPythonLiteral(nested(200_000)), undefined);
});
