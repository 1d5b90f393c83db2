import assert from "node:assert/strict";
import { Effect } from "effect";
import { refuseExtra } from "../../src/weights/extra_tensors.ts";
import { memoryWeights } from "../../src/weights/weights.ts";

const held = (...names: ReadonlyArray<string>) => {
  const scalar = { shape: [], data: Float32Array.of(0) };
  return memoryWeights(Object.fromEntries(names.map((name) => [name, scalar])));
};

Deno.test("refuseExtra() names the tensors that a model has no place for", () => {
  const weights = held("a", "model.q_norm.weight", "b", "c", "d");
  const { message } = Effect.runSync(Effect.flip(refuseExtra(weights, ["a"], "m")));
  assert.equal(
    message,
    "m: should hold no tensor that would be ignored but has model.q_norm.weight, b, c and 1 more",
  );
  const one = Effect.runSync(Effect.flip(refuseExtra(weights, ["a", "b", "c", "d"], "m")));
  assert.match(one.message, /but has model\.q_norm\.weight$/);
});

Deno.test("refuseExtra() lets known buffers and a tied head pass", () => {
  const buffers = ["model.layers.0.self_attn.rotary_emb.inv_freq", "h.0.attn.masked_bias"];
  Effect.runSync(refuseExtra(held("a", ...buffers), ["a", "missing"], "m"));
  const tied = held("a", "lm_head.weight");
  Effect.runSync(refuseExtra(tied, ["a"], "m", ["lm_head.weight"]));
  const { message } = Effect.runSync(Effect.flip(refuseExtra(tied, ["a"], "m")));
  assert.match(message, /but has lm_head\.weight$/);
});
