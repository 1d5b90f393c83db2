import assert from "node:assert/strict";
import { Effect, FileSystem, Layer, Path } from "effect";
import { platform } from "../../src/platform.ts";
import {
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
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const write = (index: unknown) =>
      fs.writeFileString(path.join(at, "model.safetensors.index.json"), JSON.stringify(index));
    yield* fs.writeFile(path.join(at, "a.safetensors"), encodeSafetensors({ gain }));
    yield* fs.writeFile(path.join(at, "b.safetensors"), encodeSafetensors({ head }));
    yield* write({ weight_map: { gain: "a.safetensors", head: "b.safetensors" } });
    assert.deepEqual(yield* read(at, "head"), [0.5, -0.25, 8, 0]);
    assert.match(
      (yield* Effect.flip(read(at, "norm"))).message,
      /has no tensor "norm" among its 2/,
    );

    yield* write({ weight_map: { gain: "b.safetensors" } });
    assert.match(
      (yield* Effect.flip(read(at, "gain"))).message,
      /b\.safetensors: has no tensor "gain"/,
    );
    yield* write({ weight_map: { gain: "../a.safetensors" } });
    assert.match(
      (yield* Effect.flip(read(at, "gain"))).message,
      /gain should be the name of a safe/,
    );
  }));

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
