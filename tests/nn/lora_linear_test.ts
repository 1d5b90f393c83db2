import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu, type Tensor } from "../../src/gpu/gpu.ts";
import {
  type Linear,
  linearBackward,
  linearForward,
  type LoraTarget,
  type TrainingMode,
} from "../../src/nn/lora_linear.ts";
import { dropoutReference } from "../../src/ops/dropout.ts";
import { finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const [rows, inputs, outputs] = [5, 13, 18];
const mode: TrainingMode = { seed: 5, step: 9 };

// The first and the last part of a fused weight are adapted, each with a rank and a scale of its own.
const parts = [
  { from: 0, to: 7, ranks: [0, 3], scale: 0.7 },
  { from: 11, to: 18, ranks: [3, 5], scale: 1.3 },
] as const;
const allRanks = 5;

const values = {
  x: uniform(rows * inputs, 1),
  w: uniform(outputs * inputs, 2),
  a: uniform(allRanks * inputs, 3),
  b0: uniform(7 * 3, 4),
  b1: uniform(7 * 2, 5),
};
type Values = Readonly<Record<keyof typeof values, ArrayLike<number>>>;

/** y = x·Wᵀ, plus scale · (mask(x)·Aᵀ)·Bᵀ in the adapted columns, in f64. */
const reference = ({ x, w, a, ...b }: Values, dropout: number): Float64Array => {
  const mask = { ...mode, rate: dropout, stream: 2 };
  const input = dropout > 0 ? dropoutReference(x, mask) : x;
  const y = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let out = 0; out < outputs; out++) {
      for (let i = 0; i < inputs; i++) {
        y[row * outputs + out]! += x[row * inputs + i]! * w[out * inputs + i]!;
      }
    }
    for (const [slot, { from, to, ranks: [first, end], scale }] of parts.entries()) {
      for (let r = 0; r < end - first; r++) {
        let down = 0;
        for (let i = 0; i < inputs; i++) {
          down += input[row * inputs + i]! * a[(first + r) * inputs + i]!;
        }
        for (let out = from; out < to; out++) {
          const up = (slot === 0 ? b.b0 : b.b1)[(out - from) * (end - first) + r]!;
          y[row * outputs + out]! += scale * down * up;
        }
      }
    }
  }
  return y;
};

for (const dropout of [0, 0.4]) {
  onGpu(
    `linearForward() and linearBackward() match f64 with dropout ${dropout}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const zeros = (shape: ReadonlyArray<number>) =>
        gpu.upload(new Float32Array(shape[0]! * shape[1]!), shape);
      const parameter = (name: keyof Values, shape: ReadonlyArray<number>) =>
        Effect.all({
          name: Effect.succeed(name),
          value: gpu.upload(values[name], shape),
          gradient: zeros(shape),
        });
      const x = yield* gpu.upload(values.x, [rows, inputs]);
      const weight = yield* parameter("w", [outputs, inputs]);
      const a = yield* parameter("a", [allRanks, inputs]);
      const targets: LoraTarget[] = [];
      for (const [slot, part] of parts.entries()) {
        const [first, end] = part.ranks;
        const b = yield* parameter(slot === 0 ? "b0" : "b1", [part.to - part.from, end - first]);
        targets.push({ module: "", ...part, b });
      }
      const linear: Linear = { weight, lora: { dropout, stream: 2, a, targets } };
      const dY = uniform(rows * outputs, 6);
      const onDy = yield* gpu.upload(dY, [rows, outputs]);

      const { y, dX } = yield* gpu.submit((pass) => {
        const { y, saved } = linearForward(pass, linear, x, mode);
        return { y, dX: linearBackward(pass, linear, saved, onDy, mode) };
      });
      assert.ok(worst(yield* gpu.download(y), reference(values, dropout)) < 1e-5, "y");
      const gradients: Readonly<Record<keyof Values, Tensor>> = {
        x: dX,
        w: weight.gradient,
        a: a.gradient,
        b0: targets[0]!.b.gradient!,
        b1: targets[1]!.b.gradient!,
      };
      for (const name of ["x", "w", "a", "b0", "b1"] as const) {
        const loss = (point: Float64Array) =>
          reference({ ...values, [name]: point }, dropout)
            .reduce((sum, value, i) => sum + value * dY[i]!, 0);
        const error = worst(
          yield* gpu.download(gradients[name]),
          finiteDifference(loss, values[name], 1e-3),
        );
        assert.ok(error < 1e-5, `gradient of ${name}: worst error ${error}`);
      }
    }),
  );
}

onGpu(
  "linearForward() drops nothing outside training",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const parameter = (name: keyof Values, shape: ReadonlyArray<number>) =>
      Effect.map(gpu.upload(values[name], shape), (value) => ({ name, value }));
    const b = { b0: yield* parameter("b0", [7, 3]), b1: yield* parameter("b1", [7, 2]) };
    const linear: Linear = {
      weight: yield* parameter("w", [outputs, inputs]),
      lora: {
        dropout: 0.4,
        stream: 2,
        a: yield* parameter("a", [allRanks, inputs]),
        targets: [
          { module: "", ...parts[0], b: b.b0 },
          { module: "", ...parts[1], b: b.b1 },
        ],
      },
    };
    const x = yield* gpu.upload(values.x, [rows, inputs]);
    const { y } = yield* gpu.submit((pass) => linearForward(pass, linear, x));
    assert.ok(worst(yield* gpu.download(y), reference(values, 0)) < 1e-5);
  }),
);
