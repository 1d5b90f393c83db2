import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import type { ArmResult } from "../../src/experiments/result.ts";
import { openRunFolder } from "../../src/experiments/run_folder.ts";
import { platform } from "../../src/platform.ts";

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

Deno.test("openRunFolder() refuses a folder that holds a run with other settings", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const directory = yield* fs.makeTempDirectoryScoped();
    const config = yield* resolveRunConfig({ preset: "fixture-smoke" });
    yield* openRunFolder<ArmResult>(directory, config, "arms.jsonl");
    const error = yield* Effect.flip(
      openRunFolder(directory, { ...config, seeds: 2 }, "arms.jsonl"),
    );
    assert.match(error.message, /config\.json.*other settings; choose another --out/);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
