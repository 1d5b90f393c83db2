import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { adamw, type AdamWOptions, adamwReference } from "../../src/ops/adamw.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const options: AdamWOptions = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-3, // large enough that its place in the formula matters
  weightDecay: 0.1,
  step: 1,
  clipNorm: 0,
};

const cases = [1, 63, 70_001].flatMap((size) => [
  ...[0, 0.5, 100].map((clipNorm) => ({ size, clipNorm, lazy: false })),
  { size, clipNorm: 0.5, lazy: true },
]);

// Most elements have a gradient in some steps and none in others.
const sparse = (size: number, step: number) =>
  uniform(size, step + 1).map((part, i) => (i + step) % 3 === 0 ? part : 0);

for (const { size, clipNorm, lazy } of cases) {
  onGpu(
    `adamw() follows its f64 reference for five steps at [${size}], clipped to ${clipNorm}` +
      (lazy ? ", lazy" : ""),
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const zeros = new Float32Array(size);
      const start = uniform(size, 1);
      const on = {
        value: yield* gpu.upload(start, [size]),
        gradient: yield* gpu.upload(zeros, [size]),
        first: yield* gpu.upload(zeros, [size]),
        second: yield* gpu.upload(zeros, [size]),
        norm: yield* gpu.upload(Float32Array.of(2), [1]),
      };
      let expected = adamwReference(
        { value: start, gradient: zeros, first: zeros, second: zeros, norm: 2 },
        { ...options, learningRate: 0 },
      );
      for (let step = 1; step <= 5; step++) {
        const gradient = lazy ? sparse(size, step) : uniform(size, step + 1);
        yield* gpu.write(on.gradient, gradient);
        yield* gpu.submit((pass) => adamw(pass, on, { ...options, step, clipNorm, lazy }));
        expected = adamwReference({ ...expected, gradient, norm: 2 }, {
          ...options,
          step,
          clipNorm,
          lazy,
        });
      }
      for (const name of ["value", "first", "second"] as const) {
        const error = worst(yield* gpu.download(on[name]), expected[name]);
        assert.ok(error < 1e-6, `${name}: worst error ${error}`);
      }
      assert.deepEqual(yield* gpu.download(on.gradient), zeros);
    }),
  );
}

onGpu(
  "adamw() with lazy leaves value and moments bit for bit where the gradient is 0",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const size = 300;
    const [value, first] = [uniform(size, 1), uniform(size, 2)];
    const second = uniform(size, 3).map(Math.abs);
    const on = {
      value: yield* gpu.upload(value, [size]),
      gradient: yield* gpu.upload(sparse(size, 0), [size]),
      first: yield* gpu.upload(first, [size]),
      second: yield* gpu.upload(second, [size]),
      norm: yield* gpu.upload(Float32Array.of(2), [1]),
    };
    yield* gpu.submit((pass) => adamw(pass, on, { ...options, lazy: true }));
    for (const [name, before] of Object.entries({ value, first, second })) {
      const after = yield* gpu.download(on[name as "value" | "first" | "second"]);
      after.forEach((now, i) => assert.equal(now === before[i], i % 3 !== 0, `${name}[${i}]`));
    }
  }),
);

// From torch.optim.AdamW's definition, on paper: the first step moves by the learning rate against the
// gradient's sign, after taking learningRate · weightDecay of the value; here without eps.
Deno.test("adamwReference() moves by the learning rate in the first step", () => {
  const { value } = adamwReference(
    { value: [2, 2, -2], gradient: [3, -1e-3, 5], first: [0, 0, 0], second: [0, 0, 0], norm: 0 },
    { ...options, eps: 0 },
  );
  const expected = [1.998 - 0.01, 1.998 + 0.01, -1.998 - 0.01];
  assert.ok(worst(value, expected) < 1e-12);
});

Deno.test("adamwReference() takes a second step that was worked out by hand", () => {
  const first = adamwReference(
    { value: [1], gradient: [1], first: [0], second: [0], norm: 0 },
    { ...options, learningRate: 0.1, weightDecay: 0, eps: 0 },
  );
  const { value } = adamwReference(
    { ...first, gradient: [-1], norm: 0 },
    { ...options, learningRate: 0.1, weightDecay: 0, eps: 0, step: 2 },
  );
  // m = 0.9 · 0.1 − 0.1 = −0.01, corrected by 0.19; v = 0.001 · 1.999, corrected to 1.
  assert.ok(Math.abs(value[0]! - (0.9 + 0.1 * 0.01 / 0.19)) < 1e-12);
});
