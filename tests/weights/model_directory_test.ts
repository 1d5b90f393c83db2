import assert from "node:assert/strict";
import { Effect, FileSystem, Layer, Path } from "effect";
import { platform } from "../../src/platform.ts";
import {
  indexName,
  layerDirectory,
  openDirectory,
  readModelFiles,
  writeModelDirectory,
} from "../../src/weights/model_directory.ts";
import { encodeSafetensors } from "../../src/weights/safetensors.ts";
import { layerMemory, memoryWeights, Weights } from "../../src/weights/weights.ts";
import type { WeightsError } from "../../src/weights/weights_error.ts";

const gain = { shape: [3], data: Float32Array.from([1, 2, 3]) };
const head = { shape: [2, 2], data: Float32Array.from([0.5, -0.25, 8, 0]) };
const json = {
  config: { vocab_size: 2 },
  tokenizer: { model: {} },
  tokenizerConfig: { bos: "<s>" },
};

/** Runs `body` in a temporary directory that is gone afterwards. */
const inDirectory = (
  name: string,
  body: (
    directory: string,
  ) => Effect.Effect<void, unknown, FileSystem.FileSystem | Path.Path>,
): void =>
  Deno.test(name, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      yield* body(yield* fs.makeTempDirectoryScoped());
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

const read = (
  directory: string,
  name: string,
  shape?: ReadonlyArray<number>,
): Effect.Effect<ReadonlyArray<number>, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const weights = yield* Weights;
    return [...(yield* weights.read(name, shape)).data];
  }).pipe(Effect.provide(layerDirectory(directory)));

inDirectory(
  "writeModelDirectory() writes what layerDirectory() and readModelFiles() read",
  (at) =>
    Effect.gen(function* () {
      yield* writeModelDirectory(at, { ...json, tensors: { gain, head }, dtype: "F16" });
      assert.deepEqual(yield* read(at, "gain", [3]), [1, 2, 3]);
      assert.deepEqual(yield* read(at, "head"), [0.5, -0.25, 8, 0]);
      assert.deepEqual(yield* readModelFiles(at), json);
      const wrong = yield* Effect.flip(read(at, "head", [2, 3]));
      assert.equal(wrong.message, "head should be [2,3] but is [2,2]");
    }),
);

inDirectory("layerDirectory() follows an index to its shards", (at) =>
  Effect.gen(function* () {
    yield* writeShards(at, { head }, JSON.stringify({ weight_map: both }));
    assert.deepEqual(yield* read(at, "head"), [0.5, -0.25, 8, 0]);
    const { message } = yield* Effect.flip(read(at, "norm"));
    assert.match(message, /has no tensor "norm" among its 2/);
  }));

const both = { gain: "a.safetensors", head: "b.safetensors" };

/** Shards `a`, of the gain, and `b`, of what is given, with an index of them. */
const writeShards = Effect.fnUntraced(
  function* (at: string, b: Parameters<typeof encodeSafetensors>[0], index: string) {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    yield* fs.writeFile(path.join(at, "a.safetensors"), encodeSafetensors({ gain }));
    yield* fs.writeFile(path.join(at, "b.safetensors"), encodeSafetensors(b));
    yield* fs.writeFileString(path.join(at, indexName), index);
  },
);

const badIndexes: ReadonlyArray<readonly [string, string, RegExp]> = [
  [
    "leads out of the directory",
    JSON.stringify({ weight_map: { ...both, gain: "../a.safetensors" } }),
    /gain should be the name of a safetensors file beside the index but is "..\/a\.safetensors"$/,
  ],
  [
    "names an absolute path",
    JSON.stringify({ weight_map: { ...both, head: "/etc/x.safetensors" } }),
    /head should be the name of a safetensors file/,
  ],
  [
    "names no file",
    JSON.stringify({ weight_map: { ...both, head: 7 } }),
    /head should be the name of a safetensors file beside the index but is 7$/,
  ],
  [
    "names a file that is not there",
    JSON.stringify({ weight_map: { ...both, head: "c.safetensors" } }),
    /c\.safetensors: no such file$/,
  ],
  [
    "names a tensor that no shard holds",
    JSON.stringify({ weight_map: { ...both, norm: "a.safetensors" } }),
    /a\.safetensors: has no tensor "norm" among its 2$/,
  ],
  [
    "looks for a tensor in the wrong shard",
    JSON.stringify({ weight_map: { gain: "b.safetensors", head: "a.safetensors" } }),
    /gain should be in a\.safetensors but is b\.safetensors$/,
  ],
  [
    "names a tensor twice",
    '{"weight_map":{"gain":"a.safetensors","head":"b.safetensors","gain":"b.safetensors"}}',
    /index\.json: gain should be there once but is there twice$/,
  ],
  [
    "maps nothing",
    '{"weight_map":{}}',
    /weight_map should be an object of file names but is \{\}$/,
  ],
  ["maps a list", '{"weight_map":["a"]}', /weight_map should be an object of file names/],
  ["is no JSON", "{", /index\.json: content should be JSON/],
];

for (const [what, index, message] of badIndexes) {
  inDirectory(`openDirectory() refuses an index that ${what}`, (at) =>
    Effect.gen(function* () {
      yield* writeShards(at, { head }, index);
      assert.match((yield* Effect.flip(openDirectory(at))).message, message);
    }).pipe(Effect.scoped));
}

inDirectory(
  "openDirectory() refuses a tensor that two shards hold",
  (at) =>
    Effect.gen(function* () {
      yield* writeShards(at, { gain, head }, JSON.stringify({ weight_map: both }));
      assert.match(
        (yield* Effect.flip(openDirectory(at))).message,
        /b\.safetensors: gain should be in a\.safetensors alone but is in both$/,
      );
    }).pipe(Effect.scoped),
);

inDirectory(
  "openDirectory() follows the links of a hub cache and lists what an index omits",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      const snapshot = path.join(at, "snapshots", "0123");
      yield* fs.makeDirectory(path.join(at, "blobs"));
      yield* fs.makeDirectory(snapshot, { recursive: true });
      const map = { gain: "a.safetensors" };
      const index = JSON.stringify({ metadata: { total_size: -7 }, weight_map: map });
      yield* fs.writeFile(path.join(at, "blobs", "ff01"), encodeSafetensors({ gain, head }));
      yield* fs.writeFileString(path.join(at, "blobs", "ff02"), index);
      yield* fs.symlink("../../blobs/ff01", path.join(snapshot, "a.safetensors"));
      yield* fs.symlink("../../blobs/ff02", path.join(snapshot, indexName));
      const weights = yield* openDirectory(snapshot);
      assert.deepEqual(weights.names, ["gain", "head"]);
      assert.deepEqual((yield* weights.read("head")).data, head.data);
    }).pipe(Effect.scoped),
);

inDirectory(
  "openDirectory() prefers one file to an index beside it",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      yield* fs.writeFile(path.join(at, "model.safetensors"), encodeSafetensors({ gain }));
      yield* fs.writeFileString(path.join(at, indexName), "{");
      assert.deepEqual((yield* openDirectory(at)).names, ["gain"]);
    }).pipe(Effect.scoped),
);

inDirectory(
  "layerDirectory() reads rows alone and describes tensors without reading",
  (at) =>
    Effect.gen(function* () {
      yield* writeModelDirectory(at, { ...json, tensors: { gain, head }, dtype: "F16" });
      const weights = yield* openDirectory(at);
      const memory = memoryWeights({ gain, head });
      assert.deepEqual(weights.describe("head"), { dtype: "F16", shape: [2, 2] });
      assert.deepEqual(memory.describe("head"), { dtype: "F32", shape: [2, 2] });
      for (const from of [weights, memory]) {
        assert.equal(from.describe("norm"), undefined);
        const second = yield* from.read("head", [2, 2], { from: 1, to: 2 });
        assert.deepEqual(second, { shape: [1, 2], data: Float32Array.of(8, 0) });
        const last = yield* from.read("gain", undefined, { from: 1, to: 3 });
        assert.deepEqual([...last.data], [2, 3]);
        assert.deepEqual((yield* from.read("gain", [3], { from: 3, to: 3 })).shape, [0]);
        const wrong = yield* Effect.flip(from.read("head", [2, 3], { from: 1, to: 2 }));
        assert.equal(wrong.message, "head should be [2,3] but is [2,2]");
        const none = yield* Effect.flip(from.read("norm", undefined, { from: 0, to: 1 }));
        assert.match(none.message, /has no tensor "norm" among its 2/);
        const beyond = Effect.exit(
          Effect.suspend(() => from.read("head", [2, 2], { from: 1, to: 3 })),
        );
        assert.match(String(yield* beyond), /rows within \[0, 2\) of \[2,2\] but got \[1, 3\)/);
      }
    }).pipe(Effect.scoped),
);

inDirectory(
  "layerDirectory() and readModelFiles() name the file that is not there or no JSON",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      const missing = yield* Effect.flip(read(at, "gain"));
      assert.equal(missing.message, `${path.join(at, "model.safetensors")}: no such file`);
      yield* fs.writeFileString(path.join(at, "config.json"), "[1]");
      const wrong = yield* Effect.flip(readModelFiles(at));
      assert.equal(
        wrong.message,
        `${path.join(at, "config.json")}: content should be a JSON object but is "[1]"`,
      );
    }),
);

inDirectory(
  "readModelFiles() prefers a chat_template.jinja to the template in the JSON",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      yield* writeModelDirectory(at, { ...json, tensors: {}, dtype: "F32" });
      yield* fs.writeFileString(path.join(at, "chat_template.jinja"), "{{ bos }}");
      const { tokenizerConfig } = yield* readModelFiles(at);
      assert.deepEqual(tokenizerConfig, { bos: "<s>", chat_template: "{{ bos }}" });
    }),
);

Deno.test("layerMemory() serves tensors by name and fails for others", () => {
  const program = Effect.gen(function* () {
    const weights = yield* Weights;
    assert.equal(yield* weights.read("gain", [3]), gain);
    return yield* weights.read("head");
  });
  const error = Effect.runSync(Effect.flip(Effect.provide(program, layerMemory({ gain }))));
  assert.equal(error.message, 'memory: has no tensor "head" among its 1');
  assert.ok(Layer.isLayer(layerMemory({})));
});
