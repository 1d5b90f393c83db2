import assert from "node:assert/strict";
import { Effect } from "effect";
import { checkAdapter } from "../../src/models/check_adapter.ts";
import { llama } from "../../src/models/llama.ts";
import type { Adapter } from "../../src/weights/stored_adapter.ts";
import type { Targets } from "../../src/weights/peft_targets.ts";
import type { HostTensor } from "../../src/weights/weights.ts";
import { shapeOf } from "./decoding.ts";

const model = {
  architecture: llama,
  shape: shapeOf(llama, {
    ...{ vocab_size: 5, hidden_size: 4, intermediate_size: 6, num_hidden_layers: 3 },
    ...{ num_attention_heads: 1 },
  }),
};
const zeros = (...shape: ReadonlyArray<number>): HostTensor => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});
const lora = { a: zeros(2, 4), b: zeros(4, 2) };
const adapterOf = (layers: ReadonlyArray<number>, targets?: Partial<Targets>): Adapter => ({
  rank: 2,
  alpha: 4,
  dropout: 0,
  rsLora: false,
  base: { model: "" },
  linears: new Map(layers.map((layer) => [`model.layers.${layer}.self_attn.q_proj`, lora])),
  ...targets
    ? {
      targets: {
        ...{ target_modules: ["q_proj"], exclude_modules: null, layers_to_transform: null },
        ...{ layers_pattern: null },
        ...targets,
      },
    }
    : {},
});
const messageOf = (adapter: Adapter): string =>
  Effect.runSync(Effect.flip(checkAdapter(model, "x", adapter))).message;

Deno.test("checkAdapter() lets a module of some layers pass where the folder says which", () => {
  for (
    const targets of [
      { layers_to_transform: [0, 2] },
      { target_modules: [0, 2].map((layer) => `model.layers.${layer}.self_attn.q_proj`) },
      { target_modules: ".*layers\\.[02]\\..*q_proj" },
      { exclude_modules: ["model.layers.1.self_attn.q_proj"] },
    ]
  ) Effect.runSync(checkAdapter(model, "x", adapterOf([0, 2], targets)));
  Effect.runSync(checkAdapter(model, "x", adapterOf([0, 1, 2])));
});

Deno.test("checkAdapter() refuses a module that a layer lacks and the folder does not leave out", () => {
  const problem = "x: adapter should be q_proj of every layer but is without ";
  assert.equal(messageOf(adapterOf([0, 2])), `${problem}model.layers.1.self_attn.q_proj`);
  assert.equal(
    messageOf(adapterOf([0], { layers_to_transform: [0, 2] })),
    `${problem}model.layers.2.self_attn.q_proj`,
  );
});

Deno.test("checkAdapter() refuses rows of another width than the model's, the head's too", () => {
  const rows = { tokens: [{ id: 1 }], input: zeros(1, 4) };
  const adapter = { ...adapterOf([0, 1, 2]), rows: { ...rows, output: zeros(1, 3) } };
  assert.equal(messageOf(adapter), "new tokens' rows should be [1,4] but is [1,3]");
});
