import assert from "node:assert/strict";
import { Effect } from "effect";
import { refuseUnrunnable } from "../../src/models/runnable_adapter.ts";
import type { Adapter, LoraMatrices } from "../../src/weights/peft.ts";
import type { HostTensor } from "../../src/weights/weights.ts";

const zeros = (...shape: ReadonlyArray<number>): HostTensor => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});
const plain: LoraMatrices = { a: zeros(2, 3), b: zeros(4, 2) };
const adapterOf = (other: LoraMatrices): Adapter => ({
  rank: 2,
  alpha: 4,
  dropout: 0,
  rsLora: false,
  base: { model: "" },
  linears: new Map([["q_proj", plain], ["v_proj", other]]),
});

const refused: ReadonlyArray<readonly [string, Adapter, string]> = [
  [
    "DoRA",
    adapterOf({ ...plain, magnitude: zeros(4) }),
    "x: adapter should be plain LoRA but is DoRA (lora_magnitude_vector of v_proj)",
  ],
  [
    "another rank",
    adapterOf({ a: zeros(3, 3), b: zeros(4, 3) }),
    "x: adapter should be of rank 2 throughout but is of rank 3 at v_proj",
  ],
  [
    "another alpha",
    adapterOf({ ...plain, alpha: 8 }),
    "x: adapter should be of alpha 4 throughout but is of alpha 8 at v_proj",
  ],
  [
    "LoRA on the embedding",
    { ...adapterOf(plain), embedding: plain },
    "x: adapter should be LoRA on the linears of the layers but is on model.embed_tokens",
  ],
  [
    "a table of the base",
    { ...adapterOf(plain), tables: new Map([["lm_head", zeros(4, 3)]]) },
    "x: adapter should be LoRA on the linears of the layers but is on lm_head",
  ],
];

for (const [what, adapter, message] of refused) {
  Deno.test(`refuseUnrunnable() refuses ${what}`, () => {
    const error = Effect.runSync(Effect.flip(refuseUnrunnable("x", adapter)));
    assert.equal(error.message, message);
  });
}

Deno.test("refuseUnrunnable() lets plain LoRA pass", () => {
  Effect.runSync(refuseUnrunnable("x", adapterOf({ ...plain, alpha: 4 })));
});
