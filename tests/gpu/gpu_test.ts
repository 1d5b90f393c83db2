import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { onGpu } from "../support/on_gpu.ts";

const double: Kernel<"x" | "y", "size"> = {
  name: "double",
  source: `
struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < params.size) { y[id.x] = 2.0 * x[id.x]; }
}`,
  params: { size: "u32" },
  bindings: {
    x: { access: "in", shape: ({ size }) => [size] },
    y: { access: "out", shape: ({ size }) => [size] },
  },
  workgroups: ({ size }) => Math.ceil(size / 64),
};

onGpu(
  "submit() runs dispatches in the order they were recorded",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const x = yield* gpu.upload(new Float32Array([1, 2, 3]), [3]);
    const y = yield* gpu.submit((pass) => {
      const once = pass.tensor([3]);
      pass.dispatch(double, { size: 3 }, { x, y: once });
      const twice = pass.tensor([3]);
      pass.dispatch(double, { size: 3 }, { x: once, y: twice });
      return twice;
    });
    assert.deepEqual([...yield* gpu.download(y)], [4, 8, 12]);
  }),
);

onGpu(
  "submit() names the kernel, the line and the column of a WGSL error",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const broken = {
      ...double,
      name: "broken",
      source: double.source.replace("2.0 *", "2.0 * z *"),
    };
    const x = yield* gpu.upload(new Float32Array(3), [3]);
    const error = yield* Effect.flip(
      gpu.submit((pass) => pass.dispatch(broken, { size: 3 }, { x, y: pass.tensor([3]) })),
    );
    assert.match(error.message, /WebGPU rejected the kernel broken/);
    assert.match(error.message, /:8:/);
    assert.match(error.message, /\^/);
  }),
);

onGpu(
  "submit() names the tensor whose shape is wrong, and returns its scratch",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const wrong = gpu.submit((pass) =>
      pass.dispatch(double, { size: 4 }, { x: pass.tensor([4]), y: pass.tensor([3]) })
    );
    const { message } = yield* Effect.flip(wrong);
    assert.equal(message, "double: y should be [4] but is [3]");
  }),
);

onGpu(
  "submit() reports a binding that is read and written at once",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const x = yield* gpu.upload(new Float32Array(3), [3]);
    const error = yield* Effect.flip(
      Effect.andThen(
        gpu.submit((pass) => pass.dispatch(double, { size: 3 }, { x, y: x })),
        gpu.download(x),
      ),
    );
    assert.match(error.message, /conflicting usages/);
  }),
);

onGpu(
  "upload() says which limit a tensor is over, and the remedy",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { message } = yield* Effect.flip(gpu.allocate([2 ** 31]));
    assert.match(message, /needs 8589934592 but the adapter's max\w+ is \d+: use a smaller batch/);
  }),
);
