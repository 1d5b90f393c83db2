import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu, openGpu } from "../../src/gpu/gpu.ts";
import { fill } from "../../src/ops/fill.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";

onGpu(
  "download() gives what the submission before it made, again and again",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const tensor = yield* gpu.allocate([300]);
    for (let value = 1; value <= 50; value++) {
      yield* Effect.scoped(gpu.submit((pass) => fill(pass, tensor, value)));
      const found = yield* gpu.download(tensor);
      assert.deepEqual([found.length, ...new Set(found)], [300, value]);
    }
  }),
);

onGpu(
  "download() gives tensors of growing and shrinking size",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    for (const size of [3, 70_000, 5, 400_000, 70_000, 1]) {
      const data = uniform(size, size);
      const tensor = yield* gpu.upload(data, [size]);
      assert.deepEqual(yield* gpu.download(tensor), data);
    }
  }),
);

onGpu(
  "downloads that run at once do not take each other's bytes",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const all = [1, 2, 3, 4].map((seed) => uniform(1000 * seed, seed));
    const tensors = yield* Effect.forEach(all, (data) => gpu.upload(data, [data.length]));
    for (let round = 0; round < 3; round++) {
      const found = yield* Effect.forEach(tensors, gpu.download, { concurrency: "unbounded" });
      assert.deepEqual(found, all);
    }
  }),
);

onGpu(
  "download() lets timers run while much is read",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const tensor = yield* gpu.upload(uniform(10, 1), [10]);
    let fired = false;
    const timer = setTimeout(() => fired = true, 1);
    for (let read = 0; read < 2000 && !fired; read++) yield* gpu.download(tensor);
    clearTimeout(timer);
    assert.ok(fired);
  }),
);

Deno.test("download() says that the device is lost where it is lost before or while it reads", async () => {
  const { requestDevice } = GPUAdapter.prototype;
  let device: GPUDevice | undefined;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    return device = await requestDevice.call(this, descriptor);
  };
  const gpu = await openGpu();
  GPUAdapter.prototype.requestDevice = requestDevice;
  await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const tensor = yield* gpu.upload(uniform(10, 1), [10]);
    yield* gpu.download(tensor);
    device!.destroy();
    for (const _ of ["at the loss", "after it"]) {
      const { reason } = yield* Effect.flip(gpu.download(tensor));
      assert.equal(reason._tag, "DeviceLost");
    }
  })));
  gpu.close();
});
