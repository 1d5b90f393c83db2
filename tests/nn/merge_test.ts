import assert from "node:assert/strict";
import { Effect } from "effect";
import { readSequence } from "../../src/evaluation/read_sequence.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { mergeAdapter } from "../../src/nn/merge.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { adapterOnly } from "../training/tiny.ts";

onGpu(
  "mergeAdapter() gives the adapter's logits, and leaves the base's weights alone",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { adapter } = yield* adapterOnly(0);
    const ids = [3, 1, 4, 1, 5, 9, 2, 6];
    const base = yield* readSequence(adapter!, ids);
    // A fresh B is zero: give every parameter of the adapter a value that shows.
    for (const { value } of adapter!.parameters.arenas) {
      const size = value.shape[0]!;
      yield* gpu.write(value, uniform(size, 7).map((x) => 0.3 * x));
    }
    const adapted = yield* readSequence(adapter!, ids);
    const merged = yield* readSequence(yield* mergeAdapter(adapter!), ids);
    assert.ok(worst(adapted.logits, base.logits) > 0.1, "the adapter changes nothing");
    const error = worst(merged.logits, adapted.logits);
    assert.ok(error < 1e-5, `worst error ${error}`);
    for (const { value } of adapter!.parameters.arenas) {
      yield* gpu.write(value, new Float32Array(value.shape[0]!));
    }
    assert.deepEqual((yield* readSequence(adapter!, ids)).logits, base.logits);
  }),
);
