import assert from "node:assert/strict";
import { openDevice } from "../../src/gpu/device.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { makePipelines, uniformWindow } from "../../src/gpu/pipelines.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";

const kernel: Kernel<"x", "size"> = {
  name: "increment",
  source: `
@group(0) @binding(0) var<uniform> size: u32;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) { if (id.x < size) { x[id.x] += 1.0; } }`,
  params: { size: "u32" },
  bindings: { x: { access: "inout", shape: ({ size }) => [size] } },
  workgroups: ({ size }) => Math.ceil(size / 8),
};

// Mesa's software driver maps a page for each bind group, and Linux 65,530 for a process: with all of
// these alive the process would end here.
Deno.test({
  name: "bind() drops more bind groups than a process can hold",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const { device } = await openDevice();
    const pipelines = makePipelines(device, { wideLoads: false, invertedLoops: false });
    const uniforms = device.createBuffer({ size: uniformWindow, usage: GPUBufferUsage.UNIFORM });
    const buffer = device.createBuffer({ size: 2 ** 25, usage: GPUBufferUsage.STORAGE });
    const pipeline = pipelines.get(kernel as unknown as Kernel<string, string>);
    await pipelines.settle();
    for (let i = 0; i < 70_000; i++) {
      const tensor: Tensor = { buffer, offset: 256 * i, bytes: 256, shape: [64], dtype: "f32" };
      pipelines.bind(pipeline, uniforms, [tensor]);
      if (i % 1000 === 0) await pipelines.settle(); // as before a submission
    }
    device.pushErrorScope("validation");
    pipelines.bind(pipeline, uniforms, [{
      buffer,
      offset: 0,
      bytes: 256,
      shape: [64],
      dtype: "f32",
    }]);
    assert.equal(await device.popErrorScope(), null);
  },
});
