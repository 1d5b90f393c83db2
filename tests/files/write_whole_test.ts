import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { writeWhole } from "../../src/files/write_whole.ts";
import { platform } from "../../src/platform.ts";
import { dyingIn } from "../support/dying_writes.ts";

Deno.test("writeWhole() writes text and bytes, an empty file too, and leaves nothing beside it", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const file = `${directory}/a.txt`;
    for (const content of ["längst", "", "b"]) {
      yield* writeWhole(file, content);
      assert.equal(yield* fs.readFileString(file), content);
    }
    yield* writeWhole(file, Uint8Array.of(0, 255));
    assert.deepEqual([...yield* fs.readFile(file)], [0, 255]);
    assert.deepEqual(yield* fs.readDirectory(directory), ["a.txt"]);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("writeWhole() leaves what was there where the process dies before the end", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const file = `${yield* fs.makeTempDirectoryScoped()}/a.txt`;
    yield* dyingIn(/a\.txt$/)(writeWhole(file, "first"));
    assert.equal(yield* fs.exists(file), false);
    yield* writeWhole(file, "first");
    yield* dyingIn(/a\.txt$/)(writeWhole(file, "second"));
    assert.equal(yield* fs.readFileString(file), "first");
    yield* writeWhole(file, "third");
    assert.equal(yield* fs.readFileString(file), "third");
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
