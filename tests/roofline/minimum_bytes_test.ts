import assert from "node:assert/strict";
import { Effect } from "effect";
import { llama } from "../../src/models/llama.ts";
import type { ModelShape } from "../../src/models/architecture.ts";
import { minimumBytes, totalBytes } from "../../src/roofline/minimum_bytes.ts";

const shapeOf = (layers: number): ModelShape =>
  Effect.runSync(llama.decode({
    vocab_size: 10,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: layers,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 4,
  }));

Deno.test("minimumBytes() adds up weights, adapter, moments and what the backward reads", () => {
  const shape = shapeOf(1);
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

Deno.test("minimumBytes() keeps the inside of one layer where layers run again", () => {
  const shape = shapeOf(3);
  const of = { tokens: 5, lora: { rank: 2, targetModules: ["q_proj"] } };
  const all = totalBytes(minimumBytes(llama, shape, of));
  const again = totalBytes(minimumBytes(llama, shape, { ...of, gradientCheckpointing: true }));
  const inside = 2 + 16 + 2 * 5 + 8 + 24 + 2;
  assert.equal(all - again, 4 * 5 * 2 * inside);
});

Deno.test("minimumBytes() counts a packed base as it is stored", () => {
  const shape = shapeOf(1);
  const of = { tokens: 5, lora: { rank: 2, targetModules: [] } };
  const [full, half] = (["f32", "bf16"] as const).map((storage) =>
    minimumBytes(llama, shape, { ...of, storage })[0]!.bytes
  );
  const gains = 4 * 3 * 8;
  assert.equal(half! - gains, (full! - gains) / 2);
});
