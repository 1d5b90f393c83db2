import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { runTrain } from "../../src/cli/train_run.ts";
import type { ArmResult, RunResult } from "../../src/experiments/result.ts";
import { rateNames } from "../../src/experiments/result.ts";
import { platform } from "../../src/platform.ts";

const train = (out: string) =>
  runTrain({
    preset: "fixture-smoke",
    config: undefined,
    set: [],
    model: undefined,
    data: undefined,
    diverse: undefined,
    initAdapter: undefined,
    seeds: undefined,
    json: true,
    out,
    resume: undefined,
  });

// Mechanics are asserted exactly, the effect once and with a wide margin.
Deno.test({
  name:
    "train runs every arm of fixture-smoke, shows DELIA's effect, and resumes to the same result",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const directory = yield* fs.makeTempDirectoryScoped();
      const result = (yield* train(directory)).document as RunResult;
      const arm = (name: string): ArmResult => result.arms.find((it) => it.name === name)!;
      assert.deepEqual(result.arms.map(({ name }) => name), [
        "base",
        "common_one_epoch",
        "common_matched_steps",
        "one_phrasing_diverse",
        "delia",
      ]);
      for (const { metrics } of result.arms) {
        for (const rate of rateNames) assert.ok(metrics[rate]! >= 0 && metrics[rate]! <= 1);
        assert.ok(Number.isFinite(metrics["selectivity"]) && metrics["l2_json_first"]! > 0);
      }
      assert.equal(arm("base").steps, 0);
      assert.equal(arm("delia").steps, arm("common_matched_steps").steps);
      assert.equal(arm("delia").exposures, 100);
      assert.ok(result.peakGpuBytes > 0);

      const [delia, common] = [arm("delia").metrics, arm("common_matched_steps").metrics];
      assert.ok(delia["t4_no_token"]! - common["t4_no_token"]! > 0.2);
      assert.ok(
        delia["t1_held_out_phrasing"]! > arm("base").metrics["t1_held_out_phrasing"]! + 0.3,
      );

      for (const name of ["config.json", "metrics.jsonl", "result.json", "report.html"]) {
        assert.ok(yield* fs.exists(`${directory}/${name}`), name);
      }
      assert.ok(yield* fs.exists(`${directory}/adapter/adapter_model.safetensors`));
      // Every arm is done: nothing is trained again.
      const again = (yield* train(directory)).document as RunResult;
      assert.deepEqual(again.arms, result.arms);
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise),
});
