import assert from "node:assert/strict";
import { Effect } from "effect";
import { evaluateBase } from "../../src/experiments/evaluate_base.ts";
import { loadModel } from "../../src/models/load_model.ts";
import { platform } from "../../src/platform.ts";
import { onGpu } from "../support/on_gpu.ts";

const perCell = 24;

onGpu(
  "the base model that is shipped answers fresh items exactly, in every task, format and negation",
  Effect.gen(function* () {
    const { subject, tokenizer } = yield* loadModel("fixtures/base");
    const cells = yield* evaluateBase(subject, tokenizer!, { perCell, seed: 7 });
    const meanOf = (chosen: typeof cells): number =>
      chosen.reduce((sum, { exact }) => sum + exact, 0) / chosen.length;
    for (const family of new Set(cells.map((cell) => cell.family))) {
      const mean = meanOf(cells.filter((cell) => cell.family === family));
      assert.ok(mean >= 0.95, `${family}: ${mean}`);
    }
    for (const format of new Set(cells.map((cell) => cell.format))) {
      const mean = meanOf(cells.filter((cell) => cell.format === format));
      assert.ok(mean >= 0.95, `${format}: ${mean}`);
    }
  }).pipe(Effect.provide(platform)),
);
