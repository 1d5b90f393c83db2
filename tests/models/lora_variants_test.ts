import assert from "node:assert/strict";
import { Effect, FileSystem, Stream } from "effect";
import { pack } from "../../src/data/batch.ts";
import type { Example } from "../../src/data/example.ts";
import { exampleLosses } from "../../src/evaluation/example_losses.ts";
import { readSequence } from "../../src/evaluation/read_sequence.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { loadModel } from "../../src/models/load_model.ts";
import { mergeModel } from "../../src/models/merge_model.ts";
import { openModel } from "../../src/models/open_model.ts";
import { type Adapter, makeAdapter } from "../../src/nn/adapter.ts";
import { exportAdapter, importAdapter } from "../../src/nn/adapter_files.ts";
import { modulesOf, planOfStored } from "../../src/nn/adapter_plan.ts";
import { mergeAdapter } from "../../src/nn/merge.ts";
import { platform } from "../../src/platform.ts";
import { recordMicroBatch, uploadBatch } from "../../src/training/step.ts";
import { train } from "../../src/training/train.ts";
import { openSafetensors } from "../../src/weights/model_directory.ts";
import { readAdapter } from "../../src/weights/read_adapter.ts";
import type { Adapter as StoredAdapter } from "../../src/weights/stored_adapter.ts";
import { writeAdapter } from "../../src/weights/write_adapter.ts";
import { onGpu, worst } from "../support/on_gpu.ts";
import { tinyOptions } from "../training/tiny.ts";
import { gradientsOf } from "./golden.ts";

// Each was made by tests/parity/make_lora_variant_goldens.py: a model, an adapter as PEFT writes it,
// and what PEFT computes with both.
const root = "fixtures/goldens/lora_variants";
const variants = ["dora", "rslora_patterns", "embedding"] as const;

interface GoldenFile {
  readonly sequences: ReadonlyArray<Example>;
  readonly loss: number;
  readonly steps: { readonly learning_rate: number; readonly losses: ReadonlyArray<number> };
}

const fileOf = (name: string): GoldenFile =>
  JSON.parse(Deno.readTextFileSync(`${root}/${name}/golden.json`));

const folderOf = (name: string) => ({
  model: `${root}/${name}`,
  adapter: `${root}/${name}/adapter`,
});

const tensorOf = (name: string, key: string) =>
  Effect.gen(function* () {
    const tensors = yield* openSafetensors(`${root}/${name}/golden.safetensors`);
    return (yield* tensors.read(key)).data;
  });

/** The golden's adapter on its base, to train. */
const trainee = (name: string) =>
  Effect.gen(function* () {
    const { model, adapter } = folderOf(name);
    const { architecture, shape, weights } = yield* openModel(model);
    const base = yield* loadDecoder(architecture, shape, weights);
    const stored = yield* readAdapter(adapter);
    const plan = planOfStored(stored);
    const { rank, alpha, dropout, rsLora } = stored;
    const options = { rank, alpha, dropout, rsLora, targetModules: modulesOf(plan) };
    return yield* makeAdapter(base, options, 0, { plan, saved: importAdapter(base, stored) });
  });

const exported = (adapter: Adapter) => exportAdapter(adapter, { base: { model: "" }, tokens: [] });

/** Compares every matrix and magnitude with the golden's under `prefix`. */
const compare = (
  name: string,
  prefix: "gradient" | "final",
  { linears, embedding }: StoredAdapter,
  limit: number,
) =>
  Effect.gen(function* () {
    const modules = [...linears, ...embedding ? [["model.embed_tokens", embedding] as const] : []];
    for (const [path, { a, b, magnitude }] of modules) {
      for (const [part, found] of Object.entries({ a, b, magnitude })) {
        if (!found) continue;
        const expected = yield* tensorOf(name, `${prefix}.${path}.${part}`);
        assert.ok(expected.some((value) => value !== 0), `${path}.${part} is all zeros`);
        const error = worst(found.data, expected);
        assert.ok(error < limit, `${prefix} of ${path}.${part}: worst error ${error}`);
      }
    }
  });

const joined = (parts: ReadonlyArray<Float32Array>): ReadonlyArray<number> =>
  parts.flatMap((part) => [...part]);

const logitsOf = (
  subject: Parameters<typeof readSequence>[0],
  { sequences }: GoldenFile,
) =>
  Effect.map(
    Effect.forEach(sequences, ({ ids }) => readSequence(subject, ids)),
    (read) => joined(read.map(({ logits }) => logits)),
  );

for (const name of variants) {
  const golden = fileOf(name);

  onGpu(
    `loadModel() gives PEFT's logits and token losses with ${name}`,
    Effect.gen(function* () {
      const { model, adapter } = folderOf(name);
      const { subject } = yield* loadModel(model, adapter);
      const error = worst(yield* logitsOf(subject, golden), yield* tensorOf(name, "logits"));
      assert.ok(error < 1e-5, `logits: worst error ${error}`);
      const single = golden.sequences.flatMap(({ ids, supervised }) =>
        ids.map((_, at) => ({ ids, supervised: ids.map((_, i) => i === at + 1 && supervised[i]!) }))
      );
      const losses = yield* exampleLosses(subject, single);
      const expected = yield* tensorOf(name, "token_losses");
      const lossError = worst(losses.map(({ sum }) => sum), expected);
      assert.ok(lossError < 1e-5, `token losses: worst error ${lossError}`);
    }).pipe(Effect.provide(platform)),
  );

  for (const gradientCheckpointing of [false, true]) {
    onGpu(
      `recordMicroBatch() adds PEFT's gradients of ${name}` +
        (gradientCheckpointing ? ", layer inputs kept alone" : ""),
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        const adapter = yield* trainee(name);
        const { decoder, parameters } = adapter;
        const packed = pack(golden.sequences);
        const batch = yield* uploadBatch(gpu, packed);
        const ring = yield* gpu.allocate([2]);
        yield* gpu.submit((pass) =>
          recordMicroBatch(
            pass,
            { decoder, parameters, adapter },
            batch,
            1 / packed.supervisedTokens,
            gradientCheckpointing,
            { seed: 0, step: 0 },
            { ring, slot: 0, accumulate: false },
          )
        );
        const loss = (yield* gpu.download(ring))[0]! / packed.supervisedTokens;
        assert.ok(Math.abs(loss / golden.loss - 1) < 1e-5, `loss ${loss}`);
        const gradients = yield* exported({ ...adapter, parameters: gradientsOf(parameters) });
        yield* compare(name, "gradient", gradients, 1e-4);
      }).pipe(Effect.provide(platform)),
    );
  }

  onGpu(
    `train() takes PEFT's steps with ${name}`,
    Effect.gen(function* () {
      const adapter = yield* trainee(name);
      const { learning_rate: learningRate, losses } = golden.steps;
      const options = {
        ...tinyOptions,
        optimizer: {
          ...tinyOptions.optimizer,
          ...{ learningRate, warmupSteps: 0, schedule: "constant_with_warmup" as const },
        },
        batchSize: golden.sequences.length,
        steps: losses.length,
      };
      const examples = Stream.fromIterable(losses.flatMap(() => golden.sequences));
      const { decoder, parameters } = adapter;
      const reports = yield* Stream.runCollect(
        train({ decoder, parameters, adapter }, options, examples),
      );
      const error = worst(reports.map(({ loss }) => loss), losses);
      assert.ok(error < 1e-4, `losses: worst error ${error}`);
      yield* compare(name, "final", yield* exported(adapter), 1e-3);
    }).pipe(Effect.provide(platform)),
  );

  onGpu(
    `mergeAdapter() and mergeModel() keep the logits of ${name}`,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const expected = yield* tensorOf(name, "logits");
      const inMemory = yield* mergeAdapter(yield* trainee(name));
      const out = `${yield* fs.makeTempDirectoryScoped()}/merged`;
      yield* mergeModel({ ...folderOf(name), out });
      const { subject: onDisk } = yield* loadModel(out);
      for (const [what, subject] of Object.entries({ inMemory, onDisk })) {
        const error = worst(yield* logitsOf(subject, golden), expected);
        assert.ok(error < 1e-5, `${what}: worst error ${error}`);
      }
    }).pipe(Effect.provide(platform)),
  );

  onGpu(
    `writeAdapter() writes what the GPU holds of ${name} as PEFT's folder says it`,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* fs.makeTempDirectoryScoped();
      yield* writeAdapter(folder, yield* exported(yield* trainee(name)));
      const { tables: _, ...before } = yield* readAdapter(folderOf(name).adapter);
      assert.deepEqual({ ...yield* readAdapter(folder), base: before.base }, before);
    }).pipe(Effect.provide(platform)),
  );
}
