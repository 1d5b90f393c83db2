import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { readSequence } from "../../src/evaluation/read_sequence.ts";
import { loadModel } from "../../src/models/load_model.ts";
import { mergeModel } from "../../src/models/merge_model.ts";
import { platform } from "../../src/platform.ts";
import { openDirectory } from "../../src/weights/model_directory.ts";
import type { Adapter as StoredAdapter, LoraMatrices } from "../../src/weights/stored_adapter.ts";
import type { HostTensor } from "../../src/weights/weights.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { type Golden, goldenNames, tensorOf } from "./golden.ts";
import { goldenFolder } from "./golden_folder.ts";

/** A name in an empty directory that goes with the scope; nothing is there yet. */
const freshPlace = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const parent = yield* fs.makeTempDirectoryScoped();
  return { parent, out: `${parent}/merged` };
});

const logitsOf = (model: string, adapter: string | undefined, ids: ReadonlyArray<number>) =>
  Effect.scoped(Effect.gen(function* () {
    const { subject } = yield* loadModel(model, adapter, { storage: "f32" });
    return (yield* readSequence(subject, ids)).logits;
  }));

/** The logits of the golden's sequences, one after the other. */
const goldenLogits = (model: string, { lora: { sequences } }: Golden) =>
  Effect.scoped(Effect.gen(function* () {
    const { subject } = yield* loadModel(model, undefined, { storage: "f32" });
    const read = yield* Effect.forEach(sequences, ({ ids }) => readSequence(subject, ids));
    return read.flatMap(({ logits }) => Array.from(logits));
  }));

const readAll = (directory: string) =>
  Effect.scoped(Effect.gen(function* () {
    const weights = yield* openDirectory(directory);
    const tensors = new Map<string, HostTensor & { readonly dtype: string }>();
    for (const name of weights.names) {
      const { dtype } = weights.describe(name)!;
      tensors.set(name, { ...yield* weights.read(name), dtype });
    }
    return tensors;
  }));

for (const name of goldenNames()) {
  onGpu(
    `mergeModel() writes a directory with PEFT's logits of ${name}`,
    Effect.gen(function* () {
      const { model, adapter, golden } = yield* goldenFolder(name);
      const { out } = yield* freshPlace;
      yield* mergeModel({ model, adapter, out });
      const actual = yield* goldenLogits(out, golden);
      const error = worst(actual, tensorOf(golden, "lora.logits").data);
      assert.ok(error < 1e-5, `worst error ${error}`);
    }).pipe(Effect.provide(platform)),
  );
}

for (const name of ["llama_tied", "phi3"]) {
  onGpu(
    `mergeModel() writes shards of ${name} that hold the same bits as one file`,
    Effect.gen(function* () {
      const { model, adapter } = yield* goldenFolder(name);
      const { parent } = yield* freshPlace;
      const [one, many] = [`${parent}/one`, `${parent}/many`];
      yield* mergeModel({ model, adapter, out: one });
      const shards = yield* mergeModel({ model, adapter, out: many, shardBytes: 50_000 });
      assert.ok(shards.length > 3, `${shards.length} shards`);
      assert.match(shards[0]!.file, /^model-00001-of-000\d\d\.safetensors$/);
      const [whole, sharded] = [yield* readAll(one), yield* readAll(many)];
      assert.deepEqual([...sharded.keys()].sort(), [...whole.keys()].sort());
      for (const [tensor, expected] of whole) assert.deepEqual(sharded.get(tensor), expected);
    }).pipe(Effect.provide(platform)),
  );
}

for (
  const [dtype, torch, limit] of [["F16", "float16", 5e-3], ["BF16", "bfloat16", 4e-2]] as const
) {
  onGpu(
    `mergeModel() stores ${dtype}, says so in the config, and keeps the logits as far as it can`,
    Effect.gen(function* () {
      const { model, adapter, golden } = yield* goldenFolder("qwen2");
      const { out } = yield* freshPlace;
      yield* mergeModel({ model, adapter, out, dtype });
      for (const [name, tensor] of yield* readAll(out)) assert.equal(tensor.dtype, dtype, name);
      const fs = yield* FileSystem.FileSystem;
      const config = JSON.parse(yield* fs.readFileString(`${out}/config.json`));
      assert.equal(config.dtype, torch);
      const actual = yield* goldenLogits(out, golden);
      const error = worst(actual, tensorOf(golden, "lora.logits").data);
      assert.ok(error < limit && error > 1e-6, `worst error ${error}`);
    }).pipe(Effect.provide(platform)),
  );
}

/** The modules of `stored`, each changed. */
const changed = (
  stored: StoredAdapter,
  change: (matrices: LoraMatrices, index: number) => LoraMatrices,
): StoredAdapter => ({
  ...stored,
  linears: new Map(
    [...stored.linears].map(([path, matrices], index) => [path, change(matrices, index)]),
  ),
});

/** Rows of W + scale·B·A in f64. */
const sumRows = (w: HostTensor, { a, b }: LoraMatrices, scale: number) => {
  const [outputs = 0, inputs = 0] = w.shape;
  const [rank = 0] = a.shape;
  return Array.from({ length: outputs }, (_, row) =>
    Array.from({ length: inputs }, (_, col) => {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += b.data[row * rank + k]! * a.data[k * inputs + col]!;
      return w.data[row * inputs + col]! + scale * sum;
    }));
};

onGpu(
  "mergeModel() merges DoRA's lengths, and a module's own alpha",
  Effect.gen(function* () {
    const { model, adapter, golden } = yield* goldenFolder(
      "llama_tied",
      (stored) =>
        changed(stored, ({ a, b }, index) => {
          const magnitude = { shape: [b.shape[0]!], data: uniform(b.shape[0]!, index + 1) };
          return { a, b, magnitude, ...index % 2 ? { alpha: 3 } : {} };
        }),
    );
    const { out } = yield* freshPlace;
    yield* mergeModel({ model, adapter, out });
    const [base, merged] = [yield* readAll(model), yield* readAll(out)];
    const { rank, alpha } = golden.lora;
    let index = 0;
    for (
      const path of [...golden.tensors.keys()].filter((name) => /^lora\.model.*\.a$/.test(name))
    ) {
      const name = path.slice("lora.".length, -".a".length);
      const matrices = {
        a: tensorOf(golden, `lora.${name}.a`),
        b: tensorOf(golden, `lora.${name}.b`),
      };
      const scale = (index % 2 ? 3 : alpha) / rank;
      const rows = sumRows(base.get(`${name}.weight`)!, matrices, scale);
      const lengths = uniform(rows.length, ++index);
      const expected = rows.flatMap((row, at) => {
        const factor = lengths[at]! / Math.hypot(...row);
        return row.map((value) => factor * value);
      });
      const error = worst(merged.get(`${name}.weight`)!.data, expected);
      assert.ok(error < 1e-5, `${name}: worst error ${error}`);
    }
    assert.ok(index > 0);
  }).pipe(Effect.provide(platform)),
);

for (const name of ["gemma", "llama_untied"]) {
  onGpu(
    `mergeModel() merges LoRA on the embedding of ${name}, and leaves its head alone`,
    Effect.gen(function* () {
      const { model, adapter, golden } = yield* goldenFolder(
        name,
        ({ rows: _, ...stored }, { shape: { vocab, hidden } }) => {
          return {
            ...stored,
            embedding: {
              a: { shape: [stored.rank, vocab], data: uniform(stored.rank * vocab, 1) },
              b: { shape: [hidden, stored.rank], data: uniform(hidden * stored.rank, 2) },
            },
          };
        },
      );
      const { out } = yield* freshPlace;
      yield* mergeModel({ model, adapter, out });
      const { ids } = golden.lora.sequences[0]!;
      const known = ids.filter((id) => id < golden.shape.vocab);
      const [adapted, base, merged] = [
        yield* logitsOf(model, adapter, known),
        yield* logitsOf(model, undefined, known),
        yield* logitsOf(out, undefined, known),
      ];
      assert.ok(worst(adapted, base) > 0.01, "the adapter changes nothing");
      const error = worst(merged, adapted);
      assert.ok(error < 1e-5, `worst error ${error}`);
    }).pipe(Effect.provide(platform)),
  );
}

onGpu(
  "mergeModel() leaves nothing where it is interrupted, and nothing but the model where it is not",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const { model, adapter } = yield* goldenFolder("mistral");
    const { parent, out } = yield* freshPlace;
    const seen: number[] = [];
    const onProgress = (done: number, all: number) => {
      seen.push(all - done);
      return done === 4 ? Effect.interrupt : Effect.void;
    };
    const exit = yield* Effect.exit(mergeModel({ model, adapter, out, onProgress }));
    assert.deepEqual([exit._tag, seen], ["Failure", [21, 20, 19, 18, 17]]);
    assert.deepEqual(yield* fs.readDirectory(parent), []);
    yield* fs.makeDirectory(out);
    yield* mergeModel({ model, adapter, out });
    assert.deepEqual(yield* fs.readDirectory(parent), ["merged"]);
    assert.deepEqual(
      (yield* fs.readDirectory(out)).toSorted(),
      ["config.json", "model.safetensors"],
    );
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "mergeModel() refuses in one message what it cannot merge, and writes nothing",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const { parent, out } = yield* freshPlace;
    const says = (pattern: RegExp, folder: { readonly model: string; readonly adapter: string }) =>
      Effect.gen(function* () {
        const { message } = yield* Effect.flip(mergeModel({ ...folder, out }));
        assert.match(message, pattern);
      });
    const whole = yield* goldenFolder("qwen3");
    yield* says(/nowhere\/config\.json: no such file$/, { ...whole, model: "nowhere" });
    yield* says(/nowhere\/adapter_config\.json: no such file$/, { ...whole, adapter: "nowhere" });
    yield* says(
      /config\.json is not the file that the adapter was trained on: its SHA-256 should be 0000/,
      yield* goldenFolder("qwen3", (stored) => ({
        ...stored,
        base: { model: "another", sha256: { "config.json": "0".repeat(64) } },
      })),
    );
    yield* says(
      /LoRA of linears that the model has but is model\.layers\.0\.other_proj$/,
      yield* goldenFolder("qwen3", (stored) => {
        const [matrices] = stored.linears.values();
        return { ...stored, linears: new Map([["model.layers.0.other_proj", matrices!]]) };
      }),
    );
    yield* says(
      /down_proj\.lora_B should be \[48,4\] but is \[1,4\]$/,
      yield* goldenFolder("qwen3", (stored) =>
        changed(stored, ({ a, b }) => {
          const [, rank = 0] = b.shape;
          return { a, b: { shape: [1, rank], data: b.data.slice(0, rank) } };
        })),
    );
    assert.deepEqual(yield* fs.readDirectory(parent), []);
    yield* fs.makeDirectory(out);
    yield* fs.writeFileString(`${out}/notes.txt`, "mine");
    yield* says(/merged: directory should be new or empty but is with notes\.txt$/, whole);
    assert.deepEqual(yield* fs.readDirectory(out), ["notes.txt"]);
  }).pipe(Effect.provide(platform)),
);
