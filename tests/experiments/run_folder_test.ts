import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import type { TrainingRecord } from "../../src/experiments/first_of_each.ts";
import type { ArmResult } from "../../src/experiments/result.ts";
import { openRunFolder as openScoped } from "../../src/experiments/run_folder.ts";
import { platform } from "../../src/platform.ts";
import { dyingIn } from "../support/dying_writes.ts";

/** Begins a run as a process does that ends at once: what it opened is free again. */
const openRunFolder = <Line extends TrainingRecord>(
  directory: string,
  config: unknown,
  lines: string,
) =>
  openScoped<Line>(directory, config, lines).pipe(Effect.tap(({ begin }) => begin), Effect.scoped);

const arm = (seed: number): ArmResult => ({
  name: "delia",
  seed,
  steps: 3,
  exposures: 2,
  seconds: 1,
  metrics: { t2_transfer: 0.5 },
  samples: [],
});

Deno.test("openRunFolder() hands an interrupted run its finished arms, and no half-written one", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const config = yield* resolveRunConfig({ preset: "fixture-smoke" });
    const first = yield* openRunFolder<ArmResult>(directory, config, "arms.jsonl");
    assert.deepEqual(first.done, []);
    yield* first.add(arm(1));
    yield* first.add(arm(2));
    yield* fs.writeFileString(first.at("arms.jsonl"), '{"name":"delia","se', { flag: "a" });
    const second = yield* openRunFolder<ArmResult>(directory, config, "arms.jsonl");
    assert.deepEqual(second.done, [arm(1), arm(2)]);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("openRunFolder() hands out an arm once that two runs have added", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const open = openRunFolder<ArmResult>(directory, { seeds: 1 }, "arms.jsonl");
    const { add } = yield* open;
    yield* Effect.forEach([arm(1), arm(1), arm(2), arm(1), arm(2)], add);
    assert.deepEqual((yield* open).done, [arm(1), arm(2)]);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("openRunFolder() refuses a folder that holds a run with other settings", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const config = yield* resolveRunConfig({ preset: "fixture-smoke" });
    const { add } = yield* openRunFolder<ArmResult>(directory, config, "arms.jsonl");
    yield* add(arm(1));
    const error = yield* Effect.flip(
      openRunFolder(directory, { ...config, seeds: 2 }, "arms.jsonl"),
    );
    assert.match(error.message, /holds a run with other settings; choose another --out/);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("openRunFolder() takes other settings where nothing else is in the folder", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    for (const arms of [["base"], ["delia"]]) {
      const { at } = yield* openRunFolder(directory, { arms }, "arms.jsonl");
      assert.deepEqual(JSON.parse(yield* fs.readFileString(at("config.json"))), { arms });
    }
    yield* fs.writeFileString(`${directory}/config.json`, '{"model_type":"llama"}');
    const { message } = yield* Effect.flip(openRunFolder(directory, { arms: [] }, "arms.jsonl"));
    assert.match(message, /expected an empty folder or a run of the same kind, found a model/);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("openRunFolder() gives an arm that is added behind half a line a line of its own", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const open = openRunFolder<ArmResult>(directory, { seeds: 1 }, "arms.jsonl");
    const first = yield* open;
    yield* first.add(arm(1));
    yield* fs.writeFileString(first.at("arms.jsonl"), '{"name":"delia","se', { flag: "a" });
    yield* (yield* open).add(arm(2));
    assert.deepEqual((yield* open).done, [arm(1), arm(2)]);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("openRunFolder() names a whole line that it cannot read", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const open = openRunFolder<ArmResult>(directory, { seeds: 1 }, "arms.jsonl");
    const { add, at } = yield* open;
    yield* fs.writeFileString(at("arms.jsonl"), '{"name":"delia","se{"name":"delia"}\n');
    yield* add(arm(1));
    const { message } = yield* Effect.flip(open);
    assert.match(message, /arms\.jsonl:1: Expected a JSON object but found .*: mend or remove/);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("openRunFolder() can open a folder again in which a run died at any write", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const open = openRunFolder<ArmResult>(directory, { seeds: 1 }, "arms.jsonl");
    yield* dyingIn(/config\.json$/)(open);
    const { at } = yield* open;
    const config = yield* fs.readFileString(at("config.json"));
    const again = Effect.flatMap(open, ({ add }) => add(arm(1)));
    yield* dyingIn(/(config\.json|arms\.jsonl)$/)(again);
    assert.equal(yield* fs.readFileString(at("config.json")), config);
    assert.deepEqual((yield* open).done, []);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("RunFolder.finish() leaves a result.json only where all of it is there", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const finish = (seconds: number) =>
      Effect.flatMap(
        openRunFolder<ArmResult>(directory, { seeds: 1 }, "arms.jsonl"),
        (folder) => folder.finish({ seconds }, "<p>report</p>"),
      );
    const result = `${directory}/result.json`;
    for (const file of [/result\.json$/, /report\.html$/]) {
      yield* dyingIn(file)(finish(1));
      assert.equal(yield* fs.exists(result), false);
    }
    yield* finish(1);
    yield* dyingIn(/result\.json$/)(finish(2));
    assert.deepEqual(JSON.parse(yield* fs.readFileString(result)), { seconds: 1 });
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
