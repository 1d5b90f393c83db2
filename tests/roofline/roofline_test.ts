import assert from "node:assert/strict";
import { Effect } from "effect";
import { type Count, countedGpu } from "../../src/roofline/counted_gpu.ts";
import { measureCeilings } from "../../src/roofline/ceilings.ts";
import { minimumBytes, totalBytes } from "../../src/roofline/minimum_bytes.ts";
import { Gpu, openGpu } from "../../src/gpu/gpu.ts";
import { llama } from "../../src/models/llama.ts";
import { columns, matmulNT } from "../../src/ops/matmul.ts";
import { matmulGroup } from "../../src/ops/matmul_group.ts";
import { residualAdd } from "../../src/ops/residual_add.ts";
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

Deno.test("minimumBytes() adds up weights, adapter, moments and what the backward reads", () => {
  const shape = Effect.runSync(llama.decode({
    vocab_size: 10,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 4,
  }));
  const targetModules = [
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
  ];
  const lora = { rank: 2, targetModules };
  const weights = 2 * 10 * 8 + 3 * 8 + 16 * 8 + 8 * 8 + 3 * 12 * 8;
  const adapter = 2 * ((8 + 8) + 2 * (8 + 4) + (8 + 8) + 2 * (8 + 12) + (12 + 8));
  const token = 5 + 9 + 16 + 2 * 5 + 9 + 24 + 7 * 2 + 8 + 16;
  const parts = minimumBytes(llama, shape, { tokens: 3, lora });
  assert.equal(totalBytes(parts), 4 * (weights + 4 * adapter + 3 * token));
});

Deno.test("measureCeilings() finds rates that a machine can have", async () => {
  const gpu = await openGpu({ profiled: true });
  try {
    if (!gpu.adapter.timestamps) return assert.rejects(Effect.runPromise(measureCeilings(gpu)));
    const { flops, bytes } = await Effect.runPromise(measureCeilings(gpu));
    assert.ok(flops > 1e8 && flops < 1e16, `${flops} operations a second`);
    assert.ok(bytes > 1e7 && bytes < 1e14, `${bytes} bytes a second`);
  } finally {
    await Effect.runPromise(gpu.finish);
    gpu.close();
  }
});

Deno.test("minimumBytes() keeps the inside of one layer where layers run again", () => {
  const shape = Effect.runSync(llama.decode({
    vocab_size: 10,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 4,
  }));
  const of = { tokens: 5, lora: { rank: 2, targetModules: ["q_proj"] } };
  const all = totalBytes(minimumBytes(llama, shape, of));
  const again = totalBytes(minimumBytes(llama, shape, { ...of, gradientCheckpointing: true }));
  const inside = 2 + 16 + 2 * 5 + 8 + 24 + 2;
  assert.equal(all - again, 4 * 5 * 2 * inside);
});

Deno.test("minimumBytes() counts a packed base as it is stored", () => {
  const shape = Effect.runSync(llama.decode({
    vocab_size: 10,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 4,
  }));
  const of = { tokens: 5, lora: { rank: 2, targetModules: [] } };
  const [full, half] = (["f32", "bf16"] as const).map((storage) =>
    minimumBytes(llama, shape, { ...of, storage })[0]!.bytes
  );
  const gains = 4 * 3 * 8;
  assert.equal(half! - gains, (full! - gains) / 2);
});
