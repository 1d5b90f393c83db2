import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu, openGpu, type Pass } from "../../src/gpu/gpu.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { copy } from "../../src/ops/copy.ts";
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

Deno.test("the pool holds no more than was in use at once, whatever sizes are asked for", async () => {
  const gpu = await openGpu(); // of its own: the peak of the shared one is that of other tests
  const kibibytes = (count: number): ReadonlyArray<number> => [count * 256];
  const sizes = [400, 16, 100, 250, 33, 310, 64, 90, 200, 7, 399];
  try {
    await Effect.runPromise(Effect.forEach(sizes, (size) =>
      Effect.scoped(gpu.submit((pass) => {
        const two = [pass.tensor(kibibytes(size)), pass.tensor(kibibytes(size / 4))];
        pass.release(...two);
        pass.tensor(kibibytes(size));
      }))));
    const inUse = 500 * 1024; // of the first, the largest
    const held = gpu.peakBytes();
    assert.ok(held >= inUse && held < 1.15 * inUse, `${held} of ${inUse}`);
  } finally {
    gpu.close();
  }
});

onGpu(
  "a pass that waits for a kernel keeps what it released: nobody's tensor is written over",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const size = 70_001;
    const sevens = yield* gpu.upload(new Float32Array(size).fill(7), [size]);
    yield* Effect.scoped(gpu.submit((pass) => copy(pass, sevens))); // compiled
    const waits = Effect.scoped(gpu.submit((pass) => {
      const scratch = pass.tensor([size]);
      pass.dispatch(writesOnes(`${performance.now()}`), { size }, { y: scratch }); // is compiled
      pass.release(scratch);
    }));
    const beside = Effect.gen(function* () {
      const y = yield* gpu.submit((pass) => copy(pass, sevens));
      yield* Effect.sleep("50 millis");
      return yield* gpu.download(y);
    });
    const [, y] = yield* Effect.all([waits, beside], { concurrency: "unbounded" });
    assert.ok(y.every((value) => value === 7));
  }),
);

// A kernel that no pipeline is kept of: `remark` tells it from others.
const writesOnes = (remark: string): Kernel<"y", "size"> => ({
  name: "writes_ones",
  source: `// ${remark}
struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < params.size) { y[id.x] = 1.0; }
}`,
  params: { size: "u32" },
  bindings: { y: { access: "out", shape: ({ size }) => [size] } },
  workgroups: ({ size }) => Math.ceil(size / 64),
});
