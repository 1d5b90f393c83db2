import assert from "node:assert/strict";
import { duplicateKey } from "../../src/weights/duplicate_key.ts";

Deno.test("duplicateKey() finds a key that an object has twice, however it is written", () => {
  assert.equal(duplicateKey('{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}'), undefined);
  assert.equal(duplicateKey('{"a":1,"a":1}'), "a");
  assert.equal(duplicateKey('{"x":[{"b" : 1, "b"\n: 2}]}'), "b");
  assert.equal(duplicateKey('{"x":1,"\\u0078":2}'), "x");
  assert.equal(duplicateKey('{"x":{},"__proto__":1,"__proto__":2}'), "__proto__");
});

Deno.test("duplicateKey() takes nothing inside of a string for a key", () => {
  assert.equal(duplicateKey('{"a":"\\"a\\":1,","b":"{\\\\","c":":"}'), undefined);
  assert.equal(duplicateKey('["a","a",":"]'), undefined);
  assert.equal(duplicateKey('"a:"'), undefined);
});
