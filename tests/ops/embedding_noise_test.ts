import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { embeddingNoise, embeddingNoiseReference } from "../../src/ops/embedding_noise.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { ragged } from "../support/ragged.ts";

const noise = { alpha: 5, seed: 42, step: 7 };

for (
  const { lengths, hidden } of [
    { lengths: [1], hidden: 3 },
    { lengths: [5, 1, 30, 1], hidden: 36 },
    { lengths: [211, 3], hidden: 65 },
  ]
) {
  onGpu(
    `embeddingNoise() matches its f64 reference for sequences of [${lengths}] · ${hidden}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const { starts, ends } = ragged(lengths);
      const rows = starts.length;
      const x = uniform(rows * hidden, 1);
      const on = {
        x: yield* gpu.upload(x, [rows, hidden]),
        starts: yield* gpu.upload(starts, [rows]),
        ends: yield* gpu.upload(ends, [rows]),
      };
      yield* gpu.submit((pass) => embeddingNoise(folded(pass, 3), on.x, on, noise));
      const expected = embeddingNoiseReference(x, starts, ends, noise);
      assert.ok(worst(yield* gpu.download(on.x), expected) < 1e-6);
    }),
  );
}

Deno.test("embeddingNoiseReference() spreads evenly over ± alpha / √(L · hidden), anew for each key", () => {
  const [length, hidden] = [100, 400];
  const { starts, ends } = ragged([length]);
  const zeros = new Float64Array(length * hidden);
  const drawn = (changed: Partial<typeof noise>) =>
    embeddingNoiseReference(zeros, starts, ends, { ...noise, ...changed });
  const bound = noise.alpha / Math.sqrt(length * hidden);
  const base = drawn({});
  assert.ok(base.every((u) => Math.abs(u) <= bound));
  const mean = (of: Float64Array) => of.reduce((a, b) => a + b, 0) / of.length;
  assert.ok(Math.abs(mean(base)) < 0.01 * bound);
  // The variance of a uniform number in ±1 is a third.
  assert.ok(Math.abs(mean(base.map((u) => u * u)) / bound ** 2 - 1 / 3) < 0.005);
  for (const changed of [{ seed: 43 }, { step: 8 }]) {
    const other = drawn(changed);
    assert.ok(Math.abs(mean(base.map((u, i) => u * other[i]!))) / bound ** 2 < 0.01);
  }
});
