import assert from "node:assert/strict";
import { Effect } from "effect";
import { chooseStorage } from "../../src/models/choose_storage.ts";
import { llama } from "../../src/models/llama.ts";
import { planMemory } from "../../src/models/memory_plan.ts";
import type { OpenModel } from "../../src/models/open_model.ts";
import { randomWeights } from "../../src/models/random_weights.ts";

const config = {
  vocab_size: 512,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  tie_word_embeddings: true,
};
const shape = Effect.runSync(llama.decode(config));
const opened = (dtype: string): OpenModel => {
  const weights = randomWeights(llama, shape, 1);
  return {
    directory: "nowhere",
    config,
    architecture: llama,
    shape,
    weights: { ...weights, describe: (name) => ({ ...weights.describe(name)!, dtype }) },
  };
};
const run = {
  newTokens: 1,
  lora: { rank: 4, targetModules: ["q_proj", "down_proj"] },
  trainedTokens: 32,
  gradientCheckpointing: false,
  generated: { batch: 2, tokens: 40, prompt: 30 },
};
// Linears of a layer: qkv 128·64, output 64·64, gate and up 256·64, down 64·128; two of them.
const linears = 2 * (128 * 64 + 64 * 64 + 256 * 64 + 64 * 128);
const table = 513 * 64;
const gains = 5 * 64;

Deno.test("planMemory() counts weights, adapter and moments exactly", () => {
  const f32 = planMemory(llama, shape, { ...run, storage: "f32" });
  assert.equal(f32.weights, 4 * (linears + table + gains));
  const halves = planMemory(llama, shape, { ...run, storage: "bf16" });
  assert.equal(halves.weights, 2 * (linears + table) + 4 * gains);
  // A and B of q_proj and down_proj in both layers, and one row; values and gradients.
  const adapter = 2 * 4 * (64 + 64 + 128 + 64) + 64;
  assert.equal(f32.adapter, 2 * 4 * adapter);
  assert.equal(f32.optimizer, f32.adapter);
  assert.equal(f32.cache, 2 * 4 * 2 * 40 * 2 * 32);
});

Deno.test("planMemory() counts an unpacked weight for DoRA on packed ones alone", () => {
  const unpackedIn = (storage: "f32" | "q8", dora: boolean) =>
    planMemory(llama, shape, { ...run, lora: { ...run.lora, dora }, storage }).unpacked;
  assert.equal(unpackedIn("q8", true), 4 * 256 * 64);
  assert.deepEqual([unpackedIn("f32", true), unpackedIn("q8", false)], [0, 0]);
});

Deno.test("planMemory() keeps less under gradient checkpointing", () => {
  const deep = { ...shape, layers: 30 };
  const kept = planMemory(llama, deep, { ...run, storage: "f32" }).activations;
  const checkpointed = planMemory(llama, deep, {
    ...run,
    storage: "f32",
    gradientCheckpointing: true,
  }).activations;
  assert.ok(checkpointed < kept / 5, `${checkpointed} of ${kept}`);
});

const chosen = (dtype: string, storage: "auto" | "bf16", budget: number | undefined) =>
  Effect.runSync(chooseStorage(opened(dtype), run, { storage, budget })).storage;
const totalOf = (storage: "f32" | "bf16" | "q8") =>
  planMemory(llama, shape, { ...run, storage }).total;

Deno.test("chooseStorage() takes f32 for files of several formats", () => {
  const { weights, ...rest } = opened("F16");
  const describe: typeof weights.describe = (name) => ({
    ...weights.describe(name)!,
    dtype: name.includes("layers.1.mlp") ? "BF16" : "F16",
  });
  const mixed = { ...rest, weights: { ...weights, describe } };
  const wish = { storage: "auto", budget: undefined } as const;
  assert.equal(Effect.runSync(chooseStorage(mixed, run, wish)).storage, "f32");
});

Deno.test("chooseStorage() takes what loses nothing, in the least memory, where it fits", () => {
  assert.equal(chosen("BF16", "auto", totalOf("f32")), "bf16");
  assert.equal(chosen("F16", "auto", undefined), "f16");
  assert.equal(chosen("BF16", "auto", totalOf("bf16") - 1), "q8");
  assert.equal(chosen("F32", "auto", totalOf("f32")), "f32");
  assert.equal(chosen("F32", "auto", totalOf("f32") - 1), "bf16");
  assert.equal(chosen("F32", "auto", undefined), "f32");
  assert.equal(chosen("F32", "auto", totalOf("bf16") - 1), "q8");
  assert.equal(chosen("BF16", "bf16", 10), "bf16");
});

Deno.test("chooseStorage() has files of 16 bits in f32 for DoRA, where that fits", () => {
  const withDora = { ...run, lora: { ...run.lora, dora: true } };
  const total = planMemory(llama, shape, { ...withDora, storage: "f32" }).total;
  const chosenFor = (budget: number) =>
    Effect.runSync(chooseStorage(opened("BF16"), withDora, { storage: "auto", budget })).storage;
  assert.deepEqual([chosenFor(total), chosenFor(total - 1)], ["f32", "bf16"]);
});

Deno.test("chooseStorage() refuses what fits in no format", () => {
  const { message } = Effect.runSync(
    Effect.flip(chooseStorage(opened("F32"), run, { storage: "auto", budget: 1000 })),
  );
  assert.match(
    message,
    /^The model does not fit: stored as q8 it needs 0\.\d{3} MiB with its adapter, of 0\.000954 MiB;/,
  );
});
