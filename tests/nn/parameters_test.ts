import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { downloadParameters } from "../../src/nn/parameters.ts";
import { onGpu, worst } from "../support/on_gpu.ts";
import { adapterOnly, lossesOf, tinyExamples, wholeModel } from "../training/tiny.ts";

onGpu(
  "allocateParameters() trains the same parameters in many arenas as in one",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { adapter } = gpu;
    // Limits are getters of a prototype, so they cannot be spread.
    const limits: GPUSupportedLimits = Object.create(adapter.limits, {
      maxStorageBufferBindingSize: { value: 4 * 3 * 1024 },
      maxBufferSize: { value: 4 * 3 * 1024 },
    });
    const onSmall = Effect.provideService(Gpu, { ...gpu, adapter: { ...adapter, limits } });
    for (const fresh of [wholeModel, adapterOnly(0)]) {
      const [one, many] = [yield* fresh, yield* fresh.pipe(onSmall)];
      assert.equal(one.parameters.arenas.length, 1);
      assert.ok(many.parameters.arenas.length > 1);
      assert.equal(many.parameters.count, one.parameters.count);

      const examples = tinyExamples(16);
      const losses = yield* lossesOf(one, {}, examples);
      assert.ok(worst(yield* lossesOf(many, {}, examples), losses) < 1e-5);
      const values = yield* downloadParameters(many.parameters);
      for (const [name, value] of yield* downloadParameters(one.parameters)) {
        assert.equal(values.get(name)?.length, value.length, name);
      }
    }
  }),
);
