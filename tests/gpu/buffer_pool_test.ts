import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu, type Pass } from "../../src/gpu/gpu.ts";
import { onGpu } from "../support/on_gpu.ts";

onGpu(
  "the pool gives submissions that record the same the same buffers, whatever was released first",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const record = (pass: Pass, order: ReadonlyArray<number>): ReadonlyArray<GPUBuffer> => {
      const tensors = order.map(() => pass.tensor([1000]));
      pass.release(...order.map((index) => tensors[index]!));
      const again = [pass.tensor([1000]), pass.tensor([1000])];
      return [...tensors, ...again].map(({ buffer }) => buffer);
    };
    const buffersOf = (order: ReadonlyArray<number>) =>
      Effect.scoped(gpu.submit((pass) => record(pass, order)));
    const first = yield* buffersOf([0, 1, 2]);
    assert.equal(new Set(first).size, 3);
    assert.ok(first[3] === first[0] && first[4] === first[1]);
    for (const order of [[2, 0, 1], [1, 2, 0], [0, 1, 2]]) {
      const buffers = yield* buffersOf(order);
      for (const [index, buffer] of buffers.entries()) assert.ok(buffer === first[index]);
    }
  }),
);
