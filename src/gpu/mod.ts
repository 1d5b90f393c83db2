/**
 * The GPU as a service: tensors, kernels, and passes that are recorded by plain functions and
 * submitted as one Effect.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect } from "effect";
 * import { Gpu, type Kernel, layer } from "@delia/delia/gpu";
 *
 * const double: Kernel<"x", "size"> = {
 *   name: "double",
 *   source: "struct Params { size: u32 }" +
 *     "@group(0) @binding(0) var<uniform> params: Params;" +
 *     "@group(0) @binding(1) var<storage, read_write> x: array<f32>;" +
 *     "@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {" +
 *     "  if (id.x < params.size) { x[id.x] *= 2.0; }" +
 *     "}",
 *   params: { size: "u32" },
 *   bindings: { x: { access: "inout", shape: ({ size }) => [size] } },
 *   workgroups: ({ size }) => Math.ceil(size / 64),
 * };
 * const program = Effect.scoped(Effect.gen(function* () {
 *   const gpu = yield* Gpu;
 *   const x = yield* gpu.upload(Float32Array.of(1, 2, 3), [3]);
 *   yield* gpu.submit((pass) => pass.dispatch(double, { size: 3 }, { x }));
 *   return yield* gpu.download(x);
 * }));
 * const doubled = await Effect.runPromise(Effect.provide(program, layer));
 * assert.deepEqual([...doubled], [2, 4, 6]);
 * ```
 *
 * @module
 */
export * from "./gpu.ts";
export * from "./random.ts";
export * from "./tuning.ts";
