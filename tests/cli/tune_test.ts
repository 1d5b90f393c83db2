import assert from "node:assert/strict";
import { Console, Effect, FileSystem, Layer } from "effect";
import { runTune } from "../../src/cli/tune_run.ts";
import { remembered } from "../../src/cli/tuned_gpu.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { matmulNT } from "../../src/ops/matmul.ts";
import { platform } from "../../src/platform.ts";
import { kernelsVersion } from "../../src/tuning/kernels_version.ts";
import { identityOf, tuningFile, writeTuning } from "../../src/tuning/tuning_file.ts";
import { onGpu } from "../support/on_gpu.ts";

// What `effect` says on stderr.
const heard = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const lines: unknown[] = [];
    const capture = { ...console, error: (line: unknown) => lines.push(line) };
    const layer = Layer.succeed(Console.Console, capture as unknown as Console.Console);
    return { result: yield* Effect.provide(effect, layer), lines };
  });

// The kernel that `gpu` takes for a product of 64 × 64 × 64.
const kernelOf = (gpu: Gpu) =>
  Effect.scoped(Effect.gen(function* () {
    const kernels: string[] = [];
    const [a, b] = [yield* gpu.allocate([64, 64]), yield* gpu.allocate([64, 64])];
    yield* gpu.submit((pass) =>
      matmulNT({ ...pass, dispatch: ({ name }) => void kernels.push(name) }, a, b)
    );
    return kernels.join();
  }));

onGpu(
  "remembered() gives the GPU what its file holds, and ignores a file of other kernels aloud",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const fs = yield* FileSystem.FileSystem;
    const environment = { XDG_CACHE_HOME: yield* fs.makeTempDirectoryScoped() };
    const opened = heard(remembered(gpu, environment));
    const usual = yield* kernelOf(gpu);

    const without = yield* opened;
    assert.deepEqual(without.lines, []);
    assert.equal(yield* kernelOf(without.result), usual);

    const file = yield* tuningFile(environment, gpu.adapter);
    const measured = { configuration: "shared 32x32x16", builtIn: "direct", gflops: 1, gain: 2 };
    const content = {
      adapter: identityOf(gpu.adapter),
      kernels: yield* kernelsVersion,
      products: { "NT f32 64x64x64": measured },
    };
    yield* writeTuning(file, content);
    const tuned = yield* opened;
    assert.deepEqual(tuned.lines, [
      `Matrix products as measured on this adapter: 1 class, ${file}`,
    ]);
    assert.equal(yield* kernelOf(tuned.result), "matmul_shared");
    assert.equal(tuned.result.adapter.name, gpu.adapter.name);

    yield* writeTuning(file, { ...content, kernels: "of last year" });
    const outdated = yield* opened;
    assert.equal(outdated.lines.length, 1);
    assert.match(String(outdated.lines[0]), /^Warning: .*was measured with other kernels/);
    assert.equal(yield* kernelOf(outdated.result), usual);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "runTune() measures the products of a model and adds them to the adapter's file",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const fs = yield* FileSystem.FileSystem;
    const environment = { XDG_CACHE_HOME: yield* fs.makeTempDirectoryScoped() };
    const file = yield* tuningFile(environment, gpu.adapter);
    const earlier = { configuration: "direct", builtIn: "direct", gflops: 1, gain: 1 };
    const products = { "TN q8 1x1x1": earlier };
    yield* writeTuning(file, {
      ...{ adapter: identityOf(gpu.adapter), kernels: yield* kernelsVersion },
      products,
    });
    const set = ["training.batchSize=1", "training.maxTokens=8", "sampling.batchSize=1"];
    const { document, text } = yield* runTune(
      { preset: "fixture", config: undefined, model: undefined, json: true, set },
      { effort: { rounds: 1, seconds: 0, only: ["direct"] }, environment },
    );
    assert.equal(document.file, file);
    const classes = document.products.map((one) => one.class);
    for (const found of ["NT f16 1x256x1024", "NT f32 1x256x64"]) {
      assert(classes.includes(found), classes.join());
    }
    const written = JSON.parse(yield* fs.readFileString(file)).products;
    assert.deepEqual(Object.keys(written).toSorted(), [...classes, "TN q8 1x1x1"].toSorted());
    assert.deepEqual(written["TN q8 1x1x1"], earlier);
    for (const { candidates, configuration } of document.products) {
      const names = candidates.map(({ name }) => name);
      assert(names.includes("direct") && names.includes(configuration));
    }
    assert.match(text, /^class +chosen +GFLOP\/s +gain +built-in +candidates\n/);
    assert.equal(text.split("\n").length, 1 + classes.length + 2);
  }).pipe(Effect.provide(platform)),
);
