import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu, type Tensor } from "../../src/gpu/gpu.ts";
import { withNorms } from "../../src/nn/frozen.ts";
import type { Parameter } from "../../src/nn/parameters.ts";
import { linearBackward } from "../../src/nn/lora_backward.ts";
import {
  type Linear,
  linearForward,
  type LoraTarget,
  releaseAdapted,
  type TrainingMode,
} from "../../src/nn/lora_linear.ts";
import { dropoutReference } from "../../src/ops/dropout.ts";
import { fill } from "../../src/ops/fill.ts";
import type { StorageFormat } from "../../src/weights/pack.ts";
import { finiteDifference } from "../support/finite_difference.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { upload } from "../support/packed.ts";

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
  bias: uniform(outputs, 7),
  m0: uniform(7, 8),
  m1: uniform(7, 9),
};
type Values = Readonly<Record<keyof typeof values, ArrayLike<number>>>;

interface Case {
  readonly dropout?: number;
  readonly dora?: boolean;
  readonly format?: StorageFormat;
}

/** ‖W + scale·B·A‖ of the adapted rows, by target, in f64. */
const normsOf = ({ w, a, ...b }: Values): ReadonlyArray<ReadonlyArray<number>> =>
  parts.map(({ from, to, ranks: [first, end], scale }, slot) =>
    Array.from(
      { length: to - from },
      (_, row) =>
        Math.hypot(...Array.from({ length: inputs }, (_, i) => {
          let product = 0;
          for (let r = 0; r < end - first; r++) {
            const up = (slot === 0 ? b.b0 : b.b1)[row * (end - first) + r]!;
            product += up * a[(first + r) * inputs + i]!;
          }
          return w[(from + row) * inputs + i]! + scale * product;
        })),
    )
  );

/**
 * y = x·Wᵀ, plus scale · (mask(x)·Aᵀ)·Bᵀ in the adapted columns, which DoRA scales by magnitude over
 * norm; plus bias. In f64.
 */
const reference = (
  { x, w, a, bias, ...own }: Values,
  dropout: number,
  norms?: ReadonlyArray<ReadonlyArray<number>>,
): Float64Array => {
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
          const up = (slot === 0 ? own.b0 : own.b1)[(out - from) * (end - first) + r]!;
          y[row * outputs + out]! += scale * down * up;
        }
      }
      for (let out = from; norms && out < to; out++) {
        const length = (slot === 0 ? own.m0 : own.m1)[out - from]!;
        y[row * outputs + out]! *= length / norms[slot]![out - from]!;
      }
    }
    for (let out = 0; out < outputs; out++) y[row * outputs + out]! += bias[out]!;
  }
  return y;
};

const shapes: Readonly<Record<Exclude<keyof Values, "x" | "w">, ReadonlyArray<number>>> = {
  a: [allRanks, inputs],
  b0: [7, 3],
  b1: [7, 2],
  bias: [outputs],
  m0: [7],
  m1: [7],
};

/** The linear on the GPU, its parameters trained but for a packed weight; and what its weight stands for. */
const makeLinear = ({ dropout = 0, dora = false, format = "f32" }: Case) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const parameters = {} as Record<keyof typeof shapes, Parameter & { gradient: Tensor }>;
    for (const name of Object.keys(shapes) as ReadonlyArray<keyof typeof shapes>) {
      const value = yield* gpu.upload(values[name], shapes[name]);
      const zeros = new Float32Array(values[name].length);
      parameters[name] = { name, value, gradient: yield* gpu.upload(zeros, shapes[name]) };
    }
    const { a, b0, b1, bias, m0, m1 } = parameters;
    const targets: ReadonlyArray<LoraTarget> = [
      { module: "", ...parts[0], b: b0, ...dora ? { dora: { magnitude: m0 } } : {} },
      { module: "", ...parts[1], b: b1, ...dora ? { dora: { magnitude: m1 } } : {} },
    ];
    const { stored, values: w } = yield* upload(values.w, [outputs, inputs], format);
    const gradient = yield* gpu.upload(new Float32Array(values.w.length), [outputs, inputs]);
    const weight = { name: "w", value: stored, ...format === "f32" ? { gradient } : {} };
    const linear: Linear = { weight, bias, lora: { dropout, stream: 2, a, targets } };
    const gradients: Partial<Record<keyof Values, Tensor>> = {
      ...format === "f32" ? { w: gradient } : {},
      ...{ a: a.gradient, b0: b0.gradient, b1: b1.gradient, bias: bias.gradient },
      ...dora ? { m0: m0.gradient, m1: m1.gradient } : {},
    };
    return { linear, w, gradients };
  });

const cases: ReadonlyArray<Case> = [
  {},
  { dropout: 0.4 },
  { dora: true },
  { dora: true, format: "bf16" },
  { dora: true, format: "q8" },
];

for (const given of cases) {
  const { dropout = 0, dora = false, format = "f32" } = given;
  onGpu(
    `linearForward() and linearBackward() match f64 with dropout ${dropout}, ` +
      `${dora ? "DoRA" : "LoRA"}, W in ${format}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const { linear, w, gradients } = yield* makeLinear(given);
      const x = yield* gpu.upload(values.x, [rows, inputs]);
      const dY = uniform(rows * outputs, 6);
      const onDy = yield* gpu.upload(dY, [rows, outputs]);
      const { y, dX } = yield* gpu.submit((pass) => {
        const { y, saved } = linearForward(pass, linear, x, { mode });
        return { y, dX: linearBackward(pass, linear, saved, onDy, mode) };
      });
      const at: Values = { ...values, w };
      const norms = dora ? normsOf(at) : undefined; // constants: their slope is no part of a gradient
      assert.ok(worst(yield* gpu.download(y), reference(at, dropout, norms)) < 1e-5, "y");
      assert.deepEqual(yield* gpu.download(onDy), dY, "dY was changed");
      const all = { x: dX, ...gradients };
      for (const name of Object.keys(all) as ReadonlyArray<keyof Values>) {
        const loss = (point: Float64Array) =>
          reference({ ...at, [name]: point }, dropout, norms)
            .reduce((sum, value, i) => sum + value * dY[i]!, 0);
        const slope = finiteDifference(loss, at[name], 1e-3);
        const error = worst(yield* gpu.download(all[name]!), slope);
        assert.ok(error < 1e-5, `gradient of ${name}: worst error ${error}`);
      }
    }),
  );
}

onGpu(
  "linearForward() drops nothing outside training",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { linear } = yield* makeLinear({ dropout: 0.4 });
    const x = yield* gpu.upload(values.x, [rows, inputs]);
    const { y } = yield* gpu.submit((pass) => linearForward(pass, linear, x));
    assert.ok(worst(yield* gpu.download(y), reference(values, 0)) < 1e-5);
  }),
);

onGpu(
  "linearForward() takes norms that are at hand, and gives back all but those",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { linear } = yield* makeLinear({ dora: true });
    const x = yield* gpu.upload(values.x, [rows, inputs]);
    const expected = reference(values, 0, normsOf(values));
    const fixed = yield* gpu.submit((pass) => withNorms(pass, linear));
    for (let turn = 0; turn < 2; turn++) {
      const y = yield* gpu.submit((pass) => {
        const { y, saved } = linearForward(pass, fixed, x);
        releaseAdapted(pass, saved);
        fill(pass, pass.tensor([7]), 9); // takes the place of norms that were given back
        return y;
      });
      assert.ok(worst(yield* gpu.download(y), expected) < 1e-5, `turn ${turn}`);
    }
  }),
);
