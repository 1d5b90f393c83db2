import assert from "node:assert/strict";
import { Effect, FileSystem, Path } from "effect";
import { platform } from "../../src/platform.ts";
import { checkBase, describeBase } from "../../src/weights/adapter_base.ts";
import { writeModelDirectory } from "../../src/weights/model_directory.ts";

Deno.test("checkBase() accepts the base that describeBase() saw and names the file that changed", () =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const at = yield* fs.makeTempDirectoryScoped();
    const json = { config: { a: 1 }, tokenizer: {}, tokenizerConfig: {} };
    yield* writeModelDirectory(at, { ...json, tensors: {}, dtype: "F32" });
    const base = yield* describeBase(at, 7);
    assert.equal(base.vocabularySize, 7);
    assert.deepEqual(Object.keys(base.sha256!), [
      "config.json",
      "tokenizer.json",
      "model.safetensors",
    ]);
    yield* checkBase(base, at);
    yield* fs.writeFileString(path.join(at, "config.json"), "{}");
    const { message } = yield* Effect.flip(checkBase(base, at));
    assert.match(message, /config\.json is not the file that the adapter was trained on/);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
