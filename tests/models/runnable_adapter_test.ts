import assert from "node:assert/strict";
import { Effect } from "effect";
import { llama } from "../../src/models/llama.ts";
import { refuseUnrunnable } from "../../src/models/runnable_adapter.ts";
import type { Adapter, LoraMatrices } from "../../src/weights/stored_adapter.ts";
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

const model = { architecture: llama };

const refused: ReadonlyArray<readonly [string, Adapter, string]> = [
  [
    "DoRA on the embedding",
    { ...adapterOf(plain), embedding: { ...plain, magnitude: zeros(4) } },
    "plain LoRA on the embedding but is DoRA of model.embed_tokens",
  ],
  [
    "LoRA on the head",
    { ...adapterOf(plain), linears: new Map([["lm_head", plain]]) },
    "LoRA on linears of layers and embedding but is lm_head",
  ],
  [
    "trained rows beside LoRA on the embedding",
    {
      ...adapterOf(plain),
      embedding: plain,
      rows: { tokens: [{ id: 1 }], input: zeros(1, 3) },
    },
    "LoRA on the embedding or trained rows of it but is both",
  ],
];

for (const [what, adapter, problem] of refused) {
  Deno.test(`refuseUnrunnable() refuses ${what}`, () => {
    const error = Effect.runSync(Effect.flip(refuseUnrunnable(model, "x", adapter)));
    assert.equal(error.message, `x: adapter should be ${problem}`);
  });
}

Deno.test("refuseUnrunnable() lets DoRA on linears pass", () => {
  const adapter = adapterOf({ ...plain, magnitude: zeros(4) });
  Effect.runSync(refuseUnrunnable(model, "x", adapter));
});

Deno.test("refuseUnrunnable() lets ranks and alphas of their own and LoRA on the embedding pass", () => {
  const linears = new Map([["q_proj", { a: zeros(3, 3), b: zeros(4, 3), alpha: 8 }]]);
  const adapter = { ...adapterOf(plain), linears, embedding: plain };
  Effect.runSync(refuseUnrunnable(model, "x", adapter));
});
