import assert from "node:assert/strict";
import { Effect, FileSystem, Result } from "effect";
import { appendJsonLines, keepWholeLines, parseJsonLines } from "../../src/files/json_lines.ts";
import { platform } from "../../src/platform.ts";

Deno.test("parseJsonLines() gives the objects of whole lines, and where they stand", () => {
  const lines = [{ line: 1, json: { a: 1 } }, { line: 3, json: { b: "\n" } }];
  for (const half of ["", " ", "{", '{"c', '{"c":{}', "null"]) {
    const text = `{"a":1}\n \r\n{"b":"\\n"}\r\n${half}`;
    assert.deepEqual(parseJsonLines(text), Result.succeed(lines));
  }
  assert.deepEqual(parseJsonLines(""), Result.succeed([]));
  assert.deepEqual(parseJsonLines('{"a":1}'), Result.succeed(lines.slice(0, 1)));
});

Deno.test("parseJsonLines() names the first whole line that is no object", () => {
  for (const broken of ["{", '{"a":{"a":1}', "[]", "null", "1"]) {
    assert.deepEqual(
      parseJsonLines(`{"a":1}\n${broken}\n{"b":2}\n`),
      Result.fail({ line: 2, text: broken }),
    );
  }
});

Deno.test("keepWholeLines() takes out half a line, and nothing else", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const file = `${yield* fs.makeTempDirectoryScoped()}/a.jsonl`;
    yield* keepWholeLines(file);
    assert.equal(yield* fs.exists(file), false);
    yield* appendJsonLines(file, [{ a: "ü" }, { b: 2 }]);
    const whole = '{"a":"ü"}\n{"b":2}\n';
    // A character of two bytes, cut as well.
    const half = new TextEncoder().encode('{"c":"ü').subarray(0, -1);
    yield* fs.writeFile(file, half, { flag: "a" });
    yield* keepWholeLines(file);
    assert.equal(yield* fs.readFileString(file), whole);
    yield* keepWholeLines(file);
    yield* appendJsonLines(file, [{ c: 3 }]);
    assert.equal(yield* fs.readFileString(file), `${whole}{"c":3}\n`);
    yield* fs.writeFileString(file, '{"a":1}');
    yield* keepWholeLines(file);
    assert.equal(yield* fs.readFileString(file), '{"a":1}\n');
    yield* fs.writeFileString(file, '{"a"');
    yield* keepWholeLines(file);
    assert.equal(yield* fs.readFileString(file), "");
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
