import assert from "node:assert/strict";
import { Effect } from "effect";
import { pack } from "../../src/data/batch.ts";
import type { Example } from "../../src/data/example.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { makeAnchor } from "../../src/training/anchor.ts";
import { recordMicroBatch, uploadBatch } from "../../src/training/step.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import {
  adapterWithRow,
  repeated,
  runTiny,
  tinyExamples,
  tinyOptions,
  withNewToken,
} from "./tiny.ts";

/** Held to the base, and in the loss only where `muted` is false. */
const anchored = (example: Example, muted = true): Example => ({
  ...example,
  anchored: true,
  muted,
});

for (
  const [what, options] of Object.entries({
    "a tied head and soft caps": { tied: true, softCap: 5 },
    "an untied head": { tied: false },
  })
) {
  onGpu(
    `recordMicroBatch() with an anchor adds the slope of its divergences, with ${what}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const { adapter, ...trainee } = yield* adapterWithRow(options);
      const anchor = yield* makeAnchor(adapter, 1);
      const [arena] = trainee.parameters.arenas;
      const size = arena!.value.shape[0]!;
      const start = (yield* gpu.download(arena!.value))
        .map((value, i) => value + 0.2 * uniform(size, 3)[i]!);
      // The new token is read, and it is predicted by all rows: its rows differ in a tied head.
      const batch = yield* uploadBatch(
        gpu,
        pack(tinyExamples(4).map((it) => anchored(withNewToken(it))), 32),
      );
      const [ring, divergences] = [yield* gpu.allocate([2]), yield* gpu.allocate([1])];
      const totalAt = (values: Float32Array<ArrayBuffer>) =>
        Effect.scoped(Effect.gen(function* () {
          yield* gpu.write(arena!.value, values);
          yield* gpu.write(arena!.gradient!, new Float32Array(size));
          yield* gpu.write(divergences, new Float32Array(1));
          const record = { ring, divergences, slot: 0, accumulate: false };
          yield* gpu.submit((pass) =>
            recordMicroBatch(
              pass,
              { ...trainee, adapter },
              batch,
              1,
              false,
              { seed: 1, step: 0 },
              record,
              { anchor, anchorScale: 1 },
            )
          );
          return (yield* gpu.download(divergences))[0]!;
        }));
      assert.ok((yield* totalAt(start)) > 1, "the tuned model is the base");
      assert.equal((yield* gpu.download(ring))[0], 0, "muted examples have no loss");
      const gradient = yield* gpu.download(arena!.gradient!);
      for (const { name, value: { offset, shape } } of trainee.parameters.byName.values()) {
        const from = offset / 4;
        const to = from + shape.reduce((a, b) => a * b, 1);
        const length = Math.hypot(...gradient.slice(from, to));
        const along = (by: number) =>
          totalAt(start.map((v, i) => i >= from && i < to ? v + by * gradient[i]! / length : v));
        const step = 2e-3;
        const slope = ((yield* along(step)) - (yield* along(-step))) / (2 * step);
        assert.ok(worst([length], [slope]) < 5e-3, `${name}: ${length} but slope ${slope}`);
      }
    }),
  );
}

onGpu(
  "train() with an anchor starts at no divergence and takes the same steps with 1 × 4 as with 4 × 1",
  Effect.gen(function* () {
    const examples = tinyExamples(tinyOptions.batchSize * 4).map((it, i) =>
      i % 3 === 0 ? withNewToken(it) : anchored(it, false)
    );
    const run = (more: object) =>
      Effect.gen(function* () {
        const trainee = yield* adapterWithRow();
        const anchor = yield* makeAnchor(trainee.adapter, 2);
        return yield* runTiny(trainee, { anchor, steps: 4, ...more }, examples);
      });
    const whole = yield* run({});
    const parts = yield* run({ batchSize: 1, accumulationSteps: 4 });
    assert.ok(Math.abs(whole[0]!.divergence!) < 1e-6, `${whole[0]!.divergence}`);
    assert.ok(whole[3]!.divergence! > 1e-3);
    for (const field of ["loss", "divergence", "gradientNorm"] as const) {
      const [a, b] = [parts, whole].map((reports) => reports.map((report) => report[field]!));
      assert.ok(worst(a!, b!) < 1e-4, `${field}: ${a} against ${b}`);
    }
    const timeless = (reports: typeof whole) => reports.map(({ seconds: _, ...rest }) => rest);
    const again = yield* run({ gradientCheckpointing: true });
    assert.deepEqual(timeless(again), timeless(whole), "the same seed gives the same bits");
  }),
);

onGpu(
  "train() with an anchor learns its task and stays nearer to the base on anchored examples",
  Effect.gen(function* () {
    const steps = 30;
    const [task, diverse] = [tinyExamples(2).map(withNewToken), tinyExamples(4).slice(2)];
    const examples = repeated([...task, ...diverse.map((it) => anchored(it))], steps);
    const optimizer = { ...tinyOptions.optimizer, learningRate: 3e-2 };
    const last = (weight: number) =>
      Effect.gen(function* () {
        const trainee = yield* adapterWithRow();
        const anchor = yield* makeAnchor(trainee.adapter, weight);
        const reports = yield* runTiny(trainee, { anchor, optimizer, steps }, examples);
        return { first: reports[0]!, last: reports.at(-1)! };
      });
    const [free, held] = [yield* last(0), yield* last(1)];
    assert.equal(held.first.loss, free.first.loss);
    assert.ok(held.last.loss < 0.5 * held.first.loss, `${held.last.loss}`);
    assert.ok(
      held.last.divergence! < 0.3 * free.last.divergence!,
      `${held.last.divergence} against ${free.last.divergence}`,
    );
  }),
);

onGpu(
  "makeAnchor() keeps the base that was, while row and adapter move on",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const trainee = yield* adapterWithRow();
    const anchor = yield* makeAnchor(trainee.adapter, 1);
    const before = yield* gpu.download(trainee.adapter.rows!.input);
    yield* runTiny(
      trainee,
      { anchor },
      tinyExamples(16).map((it) => anchored(withNewToken(it), false)),
    );
    assert.deepEqual(yield* gpu.download(anchor.rows!.base), before);
    assert.notDeepEqual(yield* gpu.download(trainee.adapter.rows!.input), before);
    assert.ok(anchor.base.layers.every(({ attention }) => !attention.qkv.lora));
  }),
);
