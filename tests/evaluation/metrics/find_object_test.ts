import assert from "node:assert/strict";
import { findObject } from "../../../src/evaluation/metrics/find_object.ts";

const own = (text: string) => {
  const found = findObject(text);
  return found && `${text.slice(found.start, found.end)}|${found.missing}`;
};

Deno.test("findObject() opens strings only where a key or a value may begin", () => {
  assert.equal(own("x {'a': dogs' } y"), "{'a': dogs' }|");
  assert.equal(own('x {"a": 5" } y'), '{"a": 5" }|');
  assert.equal(own("x {'a': ['}' , '}']} y"), "{'a': ['}' , '}']}|");
});

Deno.test("findObject() closes strings only where a key or a value may end", () => {
  assert.equal(own(`{'a': 'it's } so'} y`), `{'a': 'it's } so'}|`);
  assert.equal(own(`{'a': 'it' } so'} y`), `{'a': 'it' }|`); // what stands there could be the end
});

Deno.test("findObject() takes strings side by side for one, and finds no end after other quotes", () => {
  assert.equal(own("{'a': 'b' 'c}'} y"), "{'a': 'b' 'c}'}|");
  assert.equal(own(`{'a': 'b' "c"}`), `{'a': 'b' "c"}|}`);
});

Deno.test("findObject() says what is missing, innermost first", () => {
  assert.equal(own("{'a': [{'b'"), "{'a': [{'b'|}]}");
  assert.deepEqual(findObject("{'a': 'b"), {
    start: 0,
    end: 8,
    strings: [{ from: 2, to: 3 }, { from: 7, to: 8 }],
    inString: true,
    missing: "}",
  });
  assert.equal(findObject("{'a': [}"), undefined);
  assert.equal(findObject("no brace"), undefined);
});
