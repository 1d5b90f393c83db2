import assert from "node:assert/strict";
import { Effect } from "effect";
import { architectureOf } from "../../src/models/registry.ts";
import { publishedConfigs } from "./published_configs.ts";

const known = "known are llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3_text, smollm3, phi3";
const refusal = (modelType: unknown) =>
  Effect.runSync(Effect.flip(architectureOf({ model_type: modelType }))).message;

Deno.test("architectureOf() finds the architecture of every published model", () => {
  for (const config of Object.values(publishedConfigs)) {
    const { modelType } = Effect.runSync(architectureOf(config));
    assert.equal(modelType, config["model_type"]);
  }
});

Deno.test("architectureOf() refuses any other type by name with the known ones", () => {
  const cases: ReadonlyArray<readonly [unknown, string]> = [
    ["gpt2", "gpt2"],
    ["constructor", "constructor"],
    ["x".repeat(100), "x".repeat(60)],
    [undefined, "of type undefined"],
    [{ toString: 1 }, "of type object"],
  ];
  for (const [modelType, name] of cases) {
    assert.equal(
      refusal(modelType),
      `config.json: model_type ${name} is not implemented; ${known}`,
    );
  }
});
