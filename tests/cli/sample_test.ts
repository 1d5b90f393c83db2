import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { runSample, type SampleOptions } from "../../src/cli/sample.ts";
import { provenanceFile, readSamples } from "../../src/delia/sample_cache.ts";
import { platform } from "../../src/platform.ts";
import { writeAdapter } from "../../src/weights/write_adapter.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";

const base = "fixtures/base";
const [hidden, layers, rank] = [128, 4, 2];

/** A folder for samples, and one with an adapter that changes what the base answers. */
const folders = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const at = yield* fs.makeTempDirectoryScoped();
  const linears = Array.from(
    { length: layers },
    (_, layer) =>
      [`model.layers.${layer}.self_attn.q_proj`, {
        a: { shape: [rank, hidden], data: uniform(rank * hidden, layer) },
        b: { shape: [hidden, rank], data: uniform(rank * hidden, layer + layers) },
      }] as const,
  );
  yield* writeAdapter(`${at}/adapter`, {
    ...{ rank, alpha: 16, dropout: 0, rsLora: false, base: { model: base } },
    linears: new Map(linears),
  });
  return at;
});

const settings = ["data.downstreamItems=2", "mixing.diverseRatio=3", "sampling.maxNewTokens=8"];

const sample = (options: Pick<SampleOptions, "out"> & Partial<SampleOptions>) =>
  runSample({
    ...{ preset: "fixture", config: undefined, model: undefined, json: true, prompts: undefined },
    initAdapter: undefined,
    set: settings,
    ...options,
  });

onGpu(
  "runSample() answers with the adapter that it is given, and keeps its answers apart",
  Effect.gen(function* () {
    const at = yield* folders;
    const [plain, adapted] = [`${at}/plain.jsonl`, `${at}/adapted.jsonl`];
    yield* sample({ out: plain });
    yield* sample({ out: adapted, initAdapter: `${at}/adapter` });
    const answers = (file: string) =>
      Effect.map(readSamples(file), (stored) => stored!.samples.map(({ answer }) => answer));
    assert.notDeepEqual(yield* answers(adapted), yield* answers(plain));
    const other = yield* Effect.flip(sample({ out: adapted }));
    assert.match(other.message, /was sampled with adapter\.adapter_config\.json = ".*, not none/);
    yield* sample({ out: adapted, set: [...settings, `initAdapter=${at}/adapter`] });
    const none = yield* Effect.flip(sample({ out: plain, initAdapter: "/nope" }));
    assert.match(none.message, /^"\/nope" should be a directory or a name on the hub/);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "runSample() leaves a file alone that it has not made",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    const file = `${at}/notes.txt`;
    yield* fs.writeFileString(file, "notes");
    const foreign = yield* Effect.flip(sample({ out: file }));
    const says = "was not made by sample and is not overwritten; choose another --out";
    assert.equal(foreign.message, `${file}: ${says}`);
    assert.equal(yield* fs.readFileString(file), "notes");
    assert.equal(yield* fs.exists(provenanceFile(file)), false);
    const directory = yield* Effect.flip(sample({ out: at }));
    assert.equal(directory.message, `${at}: is a directory; give a file`);
  }).pipe(Effect.provide(platform)),
);
