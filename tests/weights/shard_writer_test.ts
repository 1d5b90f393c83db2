import assert from "node:assert/strict";
import { Cause, Deferred, Effect, Exit, Fiber, FileSystem, Path } from "effect";
import { uniform } from "../support/numbers.ts";
import { type Platform, platform } from "../../src/platform.ts";
import { readJson } from "../../src/weights/files.ts";
import { indexName, openDirectory } from "../../src/weights/model_directory.ts";
import { type PlannedTensor, planShards, writeShards } from "../../src/weights/shard_writer.ts";

const inDirectory = (name: string, body: (at: string) => Effect.Effect<void, unknown, Platform>) =>
  Deno.test(name, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      yield* body(yield* fs.makeTempDirectoryScoped());
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

const plan: ReadonlyArray<PlannedTensor> = [
  { name: "model.embed_tokens.weight", shape: [7, 3], dtype: "BF16" }, // 42 bytes
  { name: "model.norm.weight", shape: [3], dtype: "F32" }, // 12
  { name: "model.layers.0.up.weight", shape: [5, 5], dtype: "F16" }, // 50
  { name: "model.layers.0.gate.weight", shape: [5, 5], dtype: "F32" }, // 100
  { name: "scale", shape: [], dtype: "F32" }, // 4
  { name: "empty", shape: [0, 3], dtype: "F32" },
  { name: "lm_head.weight", shape: [7, 3], dtype: "BF16" }, // 42
];

/** The same values every time; in (−1, 1), so that halves are within 2⁻⁸ of them. */
const valuesOf = ({ name, shape }: PlannedTensor): Effect.Effect<Float32Array> =>
  Effect.sync(() =>
    uniform(shape.reduce((a, b) => a * b, 1), plan.findIndex((it) => it.name === name))
  );

inDirectory(
  "writeShards() writes shards and an index that openDirectory() reads",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      yield* writeShards(at, plan, valuesOf, { shardBytes: 100 });
      const shard = (index: number) => `model-0000${index}-of-00004.safetensors`;
      assert.deepEqual((yield* fs.readDirectory(at)).sort(), [
        ...[1, 2, 3, 4].map(shard),
        indexName,
      ]);
      const index = yield* readJson(path.join(at, indexName));
      assert.deepEqual(index, {
        metadata: { total_parameters: 21 + 3 + 25 + 25 + 1 + 21, total_size: 250 },
        weight_map: {
          "empty": shard(4),
          "lm_head.weight": shard(4),
          "model.embed_tokens.weight": shard(1),
          "model.layers.0.gate.weight": shard(3),
          "model.layers.0.up.weight": shard(2),
          "model.norm.weight": shard(1),
          "scale": shard(4),
        },
      });
      assert.deepEqual(
        Object.keys(index["weight_map"] as object),
        plan.map(({ name }) => name).sort(),
      );
      const weights = yield* openDirectory(at);
      for (const tensor of plan) {
        const { name, shape, dtype } = tensor;
        assert.deepEqual(weights.describe(name), { dtype, shape });
        const expected = yield* valuesOf(tensor);
        const { data } = yield* weights.read(name, shape);
        const tolerance = { F32: 0, F16: 2 ** -11, BF16: 2 ** -8 }[dtype];
        assert.equal(data.length, expected.length);
        expected.forEach((value, i) => assert.ok(Math.abs(data[i]! - value) <= tolerance, name));
      }
    }).pipe(Effect.scoped),
);

inDirectory(
  "writeShards() writes one file without an index where all fit, wide values first",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const asked: Array<string> = [];
      const shards = yield* writeShards(at, plan, (tensor) => {
        asked.push(tensor.name);
        return valuesOf(tensor);
      });
      assert.deepEqual(yield* fs.readDirectory(at), ["model.safetensors"]);
      const names = shards[0]!.tensors.map(({ name }) => name);
      assert.deepEqual(asked, names);
      assert.deepEqual((yield* openDirectory(at)).names, names);
      assert.deepEqual(shards[0]!.tensors.map(({ dtype }) => dtype), [
        ...["F32", "F32", "F32", "F32", "BF16", "F16", "BF16"],
      ]);
    }).pipe(Effect.scoped),
);

Deno.test("planShards() gives a tensor that is too long a file of its own", () => {
  const tensor = (name: string, size: number): PlannedTensor => ({
    name,
    shape: [size],
    dtype: "F32",
  });
  const shards = planShards([tensor("a", 2), tensor("b", 9), tensor("c", 2), tensor("d", 3)], 20);
  assert.deepEqual(
    shards.map(({ tensors }) => tensors.map(({ name }) => name).join("")),
    ["a", "b", "cd"],
  );
});

const failing = (name: string, value: number) => (tensor: PlannedTensor) =>
  Effect.map(valuesOf(tensor), (data) => tensor.name === name ? data.fill(value, 4, 6) : data);

for (
  const [name, value, message] of [
    ["lm_head.weight", NaN, /lm_head\.weight should be finite but has 2 NaN or infinite values/],
    ["model.layers.0.up.weight", -65_520, /up\.weight should fit F16 but is -65520 at index 4; w/],
    ["lm_head.weight", 3.4e38, /lm_head\.weight should fit BF16 but is 3\.3999999\d*e\+38 at/],
  ] as const
) {
  inDirectory(
    `writeShards() refuses ${value} in ${name} and leaves no file`,
    (at) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const written = writeShards(at, plan, failing(name, value), { shardBytes: 100 });
        const error = yield* Effect.flip(written);
        assert.match(error.message, message);
        assert.deepEqual(yield* fs.readDirectory(at), []);
      }),
  );
}

inDirectory(
  "writeShards() writes the largest value that a half holds",
  (at) =>
    Effect.gen(function* () {
      yield* writeShards(at, plan, failing("model.layers.0.up.weight", 65_519));
      const { data } = yield* (yield* openDirectory(at)).read("model.layers.0.up.weight");
      assert.equal(data[4], 65_504);
    }).pipe(Effect.scoped),
);

inDirectory("writeShards() leaves no file when it is interrupted", (at) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const reached = yield* Deferred.make<void>();
    const running = yield* Effect.forkChild(writeShards(
      at,
      plan,
      (tensor) =>
        tensor.name === "scale"
          ? Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
          : valuesOf(tensor),
      { shardBytes: 100 },
    ));
    yield* Deferred.await(reached);
    const before = yield* fs.readDirectory(at);
    assert.equal(before.length, 4);
    assert.ok(before.every((name) => name.endsWith(".part")), `${before}`);
    yield* Fiber.interrupt(running);
    assert.deepEqual(yield* fs.readDirectory(at), []);
  }));

inDirectory("writeShards() refuses a directory that has weights", (at) =>
  Effect.gen(function* () {
    yield* writeShards(at, plan, valuesOf);
    const error = yield* Effect.flip(writeShards(at, plan, valuesOf));
    assert.match(error.message, /directory should be without weights but is with model\.safet/);
  }));

inDirectory(
  "writeShards() throws where values do not fill their shape",
  (at) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        writeShards(at, plan, () => Effect.succeed(new Float32Array(2))),
      );
      assert.ok(Exit.isFailure(exit));
      assert.match(
        Cause.pretty(exit.cause),
        /Expected 3 values of model\.norm\.weight \[3\] but got 2/,
      );
    }),
);
