import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { dropout, dropoutReference } from "../../src/ops/dropout.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const mask = { rate: 0.1, seed: 42, step: 7, stream: 3 };

for (const shape of [[1], [5, 63], [3, 257], [2, 65_537]]) {
  onGpu(
    `dropout() drops exactly the elements of its reference at [${shape}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const x = uniform(shape.reduce((a, b) => a * b), 1);
      const onX = yield* gpu.upload(x, shape);
      const y = yield* gpu.submit((pass) => dropout(pass, onX, mask));
      const actual = yield* gpu.download(y);
      const expected = dropoutReference(x, mask);
      assert.ok(actual.every((value, i) => (value === 0) === (expected[i] === 0)));
      assert.ok(worst(actual, expected) < 1e-6);
    }),
  );
}

Deno.test("dropoutReference() drops the promised share, and another one for another key", () => {
  const ones = new Float32Array(200_000).fill(1);
  const dropped = (changed: Partial<typeof mask>) =>
    dropoutReference(ones, { ...mask, ...changed }).map((y) => y === 0 ? 1 : 0);
  const share = (drops: Float64Array) => drops.reduce((a, b) => a + b, 0) / drops.length;
  for (const rate of [0, 0.05, 0.5]) {
    assert.ok(Math.abs(share(dropped({ rate })) - rate) < 0.004);
  }
  // Independent masks drop the same element with probability rate².
  const base = dropped({});
  for (const changed of [{ seed: 43 }, { step: 8 }, { stream: 4 }]) {
    const both = dropped(changed).map((drop, i) => drop * base[i]!);
    assert.ok(Math.abs(share(both) - mask.rate ** 2) < 0.002, JSON.stringify(changed));
  }
});

onGpu(
  "dropout() refuses a rate of one",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const wrong = gpu.submit((pass) => dropout(pass, pass.tensor([4]), { ...mask, rate: 1 }));
    const exit = yield* Effect.exit(wrong);
    assert.equal(exit._tag, "Failure");
  }),
);
