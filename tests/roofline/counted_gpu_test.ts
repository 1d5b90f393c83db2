import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { columns, matmulNT } from "../../src/ops/matmul.ts";
import { matmulGroup } from "../../src/ops/matmul_group.ts";
import { residualAdd } from "../../src/ops/residual_add.ts";
import { type Count, countedGpu } from "../../src/roofline/counted_gpu.ts";
import { onGpu } from "../support/on_gpu.ts";

onGpu(
  "countedGpu() counts a product by its own size, though an operand is a window of a larger tensor",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const count: Count = { kernels: new Map(), submissions: 0 };
    const counted = countedGpu(gpu, count, 0);
    yield* counted.submit((pass) => {
      const x = pass.tensor([16, 64]);
      const y = matmulNT(pass, columns(x, 0, 8), pass.tensor([32, 8]));
      matmulNT(pass, columns(x, 8, 16), pass.tensor([32, 8]), { into: y, accumulate: true });
      residualAdd(pass, y, y);
    });
    const product = [...count.kernels].find(([name]) => name.startsWith("matmul"))![1];
    const operands = 16 * 8 + 32 * 8;
    assert.equal(count.submissions, 1);
    assert.deepEqual(product, {
      dispatches: 2,
      flops: 2 * 2 * 16 * 8 * 32,
      bytes: 4 * (2 * operands + 3 * 16 * 32),
    });
    const sum = count.kernels.get("residual_add")!;
    assert.deepEqual(sum, { dispatches: 1, flops: undefined, bytes: 4 * 3 * 16 * 32 });
  }),
);

onGpu(
  "countedGpu() counts every product of a group, and the tail and residual of a product",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    if (gpu.adapter.subgroupSize !== 8) return;
    const count: Count = { kernels: new Map(), submissions: 0 };
    yield* countedGpu(gpu, count, 0).submit((pass) => {
      const [x, t, stream] = [pass.tensor([16, 64]), pass.tensor([16, 8]), pass.tensor([16, 96])];
      const plus = [{ a: t, b: pass.tensor([64, 8]), columns: [32, 96] as const }];
      matmulNT(pass, x, pass.tensor([96, 64]), { plus, residual: stream });
      const [b, into] = [pass.tensor([64, 8]), pass.tensor([16, 16])];
      const part = (at: number) => ({
        a: columns(x, 32 * at, 32 * at + 32),
        b: { ...b, offset: b.offset + 1024 * at, bytes: 1024, shape: [32, 8] },
        into: columns(into, 8 * at, 8 * at + 8),
      });
      matmulGroup(pass, "NN", [part(0), part(1)]);
    });
    const [tailed, grouped] = [...count.kernels.values()];
    const tail = 16 * 8 + 8 * 64;
    assert.deepEqual(tailed, {
      dispatches: 1,
      flops: 2 * 16 * 64 * 96 + 2 * 16 * 8 * 64,
      bytes: 4 * (16 * 64 + 64 * 96 + 2 * 16 * 96 + tail),
    });
    assert.deepEqual(grouped, {
      dispatches: 1,
      flops: 2 * 2 * 16 * 32 * 8,
      bytes: 4 * 2 * (16 * 32 + 32 * 8 + 16 * 8),
    });
  }),
);

onGpu(
  "countedGpu() counts a product once that is made in several dispatches",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const count: Count = { kernels: new Map(), submissions: 0 };
    yield* countedGpu(gpu, count, 0).submit((pass) => {
      const [x, w] = [pass.tensor([64, 320]), pass.tensor([64, 320])];
      matmulNT(pass, x, w, { residual: pass.tensor([64, 64]) });
    });
    const kernels = [...count.kernels].filter(([name]) => name.startsWith("matmul"));
    const flops = kernels.reduce((sum, [, { flops = 0 }]) => sum + flops, 0);
    assert.equal(flops, 2 * 64 * 320 * 64);
  }),
);
