import assert from "node:assert/strict";
import { Effect, FileSystem, Path } from "effect";
import { type Platform, platform } from "../../src/platform.ts";
import { checkBase, describeBase } from "../../src/weights/adapter_base.ts";
import { indexName, writeModelDirectory } from "../../src/weights/model_directory.ts";
import { encodeSafetensors } from "../../src/weights/safetensors.ts";

/** Runs `body` on a model directory without tensors. */
const onBase = (name: string, body: (at: string) => Effect.Effect<void, unknown, Platform>) =>
  Deno.test(name, () =>
    Effect.gen(function* () {
      const at = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped();
      const json = { config: { a: 1 }, tokenizer: {}, tokenizerConfig: {} };
      yield* writeModelDirectory(at, { ...json, tensors: {}, dtype: "F32" });
      yield* body(at);
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

onBase(
  "checkBase() accepts the base that describeBase() saw and names the file that changed",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
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
    }),
);

onBase(
  "checkBase() says what another tokenizer, and what none, means for the adapter",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      const base = { ...yield* describeBase(at, 7), model: "org/base" };
      const file = path.join(at, "tokenizer.json");
      yield* fs.writeFileString(file, '{"model":{}}');
      const { message } = yield* Effect.flip(checkBase(base, at));
      assert.match(
        message,
        /tokenizer\.json is not the tokenizer that the adapter was trained with, so that ids may stand /,
      );
      assert.match(
        message,
        /: its SHA-256 should be \w{12}… but is \w{12}…; give the base .* org\/base$/,
      );
      yield* fs.remove(file);
      const missing = yield* Effect.flip(checkBase(base, at));
      assert.match(missing.message, /tokenizer\.json: no such file$/);
    }),
);

onBase("describeBase() hashes the index and each shard", (at) =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    yield* fs.remove(path.join(at, "model.safetensors"));
    const gain = (value: number) =>
      encodeSafetensors({
        gain: { shape: [1], data: Float32Array.of(value) },
      });
    const map = {
      gain: "model-00001-of-00002.safetensors",
      head: "model-00002-of-00002.safetensors",
    };
    yield* fs.writeFileString(path.join(at, indexName), JSON.stringify({ weight_map: map }));
    for (const shard of Object.values(map)) yield* fs.writeFile(path.join(at, shard), gain(1));
    const base = yield* describeBase(at, 7);
    const hashed = ["config.json", "tokenizer.json", indexName, map.gain, map.head];
    assert.deepEqual(Object.keys(base.sha256!), hashed);
    yield* checkBase(base, at);
    yield* fs.writeFile(path.join(at, map.head), gain(2));
    const { message } = yield* Effect.flip(checkBase(base, at));
    assert.match(message, /model-00002-of-00002\.safetensors is not the file that the adapter was/);
  }));

onBase(
  "describeBase() hashes long weights by samples: size, beginning, end and between",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      const file = path.join(at, "model.safetensors");
      const size = 2 ** 30; // sparse: it takes no room on the disk
      const clear = Effect.andThen(fs.truncate(file, 0), fs.truncate(file, size));
      yield* clear;
      const from = performance.now();
      const base = yield* describeBase(at, 7);
      assert.ok(performance.now() - from < 5_000);
      assert.match(base.sha256!["model.safetensors"]!, /^sampled:[0-9a-f]{64}$/);
      yield* checkBase(base, at);
      const change = (position: number) =>
        Effect.scoped(Effect.gen(function* () {
          const handle = yield* fs.open(file, { flag: "r+" });
          yield* handle.seek(BigInt(position), "start");
          yield* handle.writeAll(Uint8Array.of(1));
        }));
      for (const position of [0, size - 1, Math.floor((size - 4096) / 255) + 100]) {
        yield* change(position);
        const { message } = yield* Effect.flip(checkBase(base, at));
        assert.match(message, /model\.safetensors is not the file/);
        yield* clear;
        yield* checkBase(base, at);
      }
      yield* fs.truncate(file, size - 1);
      const { message } = yield* Effect.flip(checkBase(base, at));
      assert.match(message, /its SHA-256 should be \w{12}… but is/);
    }),
);

onBase("checkBase() looks at no file outside of the base", (at) =>
  Effect.gen(function* () {
    const base = { model: "b", sha256: { "../secret": "00" } };
    const { message } = yield* Effect.flip(checkBase(base, at));
    assert.equal(
      message,
      "delia.json: base.sha256 should be of files of the base but is ../secret",
    );
  }));
