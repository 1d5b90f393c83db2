import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { withTuning } from "../../src/gpu/tuning.ts";
import { kernelsVersion } from "../../src/tuning/kernels_version.ts";
import { tuneProduct } from "../../src/tuning/tune_product.ts";
import { onGpu } from "../support/on_gpu.ts";

const product = { layout: "NT", format: "f32", rows: 40, depth: 64, cols: 96 } as const;

// `gpu` that counts the names of what its passes dispatch.
const counting = (gpu: Gpu, counts: Map<string, number>): Gpu => ({
  ...gpu,
  submit: (record) =>
    gpu.submit((pass) =>
      record({
        ...pass,
        dispatch: (kernel, params, tensors) => {
          counts.set(kernel.name, (counts.get(kernel.name) ?? 0) + 1);
          pass.dispatch(kernel, params, tensors);
        },
      })
    ),
});

onGpu(
  "tuneProduct() measures the candidates and keeps the built-in one unless another is faster",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    if (!gpu.adapter.subgroups) return;
    const counts = new Map<string, number>();
    const tuned = yield* tuneProduct(product, {
      rounds: 3,
      seconds: 0.002,
      only: ["shared 32x32x16"],
    }).pipe(Effect.provideService(Gpu, counting(gpu, counts)));
    assert.equal(tuned.class, "NT f32 64x64x256");
    assert.deepEqual(tuned.candidates.map(({ name }) => name).toSorted(), [
      "shared 32x32x16",
      "subgroup 16",
    ]);
    assert.equal(tuned.builtIn, "subgroup 16");
    const chosen = tuned.candidates.find(({ name }) => name === tuned.configuration);
    assert.deepEqual([tuned.gflops, tuned.gain], [chosen?.gflops, chosen?.gain]);
    const own = tuned.candidates.find(({ name }) => name === "subgroup 16");
    assert.deepEqual([own?.gain, own?.won], [1, 0]);
    assert(tuned.configuration === "subgroup 16" ? tuned.gain === 1 : tuned.gain >= 1.03);
    assert(tuned.candidates.every(({ gflops }) => gflops > 0 && Number.isFinite(gflops)));
    // Compiled, timed alone, and a turn at the least.
    assert((counts.get("matmul_nt") ?? 0) >= 4);
    assert((counts.get("matmul_shared") ?? 0) >= 3);
  }),
);

onGpu(
  "tuneProduct() chooses what is faster, whatever was remembered before",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    // The direct kernel, slowed down: it is the built-in one without subgroups.
    const slow: Gpu = {
      ...gpu,
      adapter: { ...gpu.adapter, subgroups: false, subgroupSize: 0 },
      submit: (record) =>
        gpu.submit((pass) =>
          record({
            ...pass,
            adapter: { ...pass.adapter, subgroups: false, subgroupSize: 0 },
            dispatch: (kernel, params, tensors) => {
              const times = kernel.name === "matmul" ? 20 : 1;
              for (let i = 0; i < times; i++) pass.dispatch(kernel, params, tensors);
            },
          })
        ),
    };
    const options = { rounds: 3, seconds: 0.01, only: ["shared 32x32x16"] };
    const tuned = yield* tuneProduct({ ...product, rows: 128, cols: 128 }, options).pipe(
      Effect.provideService(Gpu, withTuning(slow, { configurationOf: () => "direct" })),
    );
    assert.equal(tuned.builtIn, gpu.adapter.software ? "direct" : tuned.builtIn);
    if (!gpu.adapter.software) return;
    assert.equal(tuned.configuration, "shared 32x32x16");
    assert(tuned.gain > 1.03);
  }),
);

for (const format of ["f16", "bf16", "q8"] as const) {
  for (const layout of ["NT", "NN"] as const) {
    onGpu(
      `tuneProduct() measures ${layout} with a right operand in ${format}`,
      Effect.gen(function* () {
        const counts = new Map<string, number>();
        const tuned = yield* tuneProduct(
          { ...product, layout, format },
          { rounds: 1, seconds: 0, only: ["direct"] },
        ).pipe(Effect.provideService(Gpu, counting(yield* Gpu, counts)));
        assert.equal(tuned.class, `${layout} ${format} 64x64x256`);
        // Compiled, timed alone, one turn.
        assert((counts.get(`matmul_${format}`) ?? 0) >= 3);
      }),
    );
  }
}

Deno.test("kernelsVersion() is a digest of the kernels' sources", async () => {
  const version = await Effect.runPromise(kernelsVersion);
  assert.match(version, /^[0-9a-f]{64}$/);
  assert.equal(await Effect.runPromise(kernelsVersion), version);
});
