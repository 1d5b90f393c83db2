import assert from "node:assert/strict";
import { Effect } from "effect";
import { LoraConfig } from "../../src/config/lora_config.ts";
import { presets } from "../../src/config/presets.ts";
import { type ConfigSources, resolveRunConfig, resolveSettings } from "../../src/config/resolve.ts";
import type { RunConfig } from "../../src/config/run_config.ts";

const resolve = (sources: ConfigSources): RunConfig => Effect.runSync(resolveRunConfig(sources));

const complaint = (sources: ConfigSources): string =>
  Effect.runSync(Effect.flip(resolveRunConfig(sources))).message;

Deno.test("resolveRunConfig() fills in the defaults of every section", () => {
  const config = resolve({});
  assert.equal(config.lora.rank, 16);
  assert.deepEqual(config.optimizer.betas, [0.9, 0.999]);
  assert.equal(config.sampling.temperature, 0.7);
  assert.equal(config.newToken.init, "matched_normal");
  assert.equal(config.training.steps, undefined);
  assert.equal(config.arms.length, 5);
});

Deno.test("resolveRunConfig() accepts every preset, and its own result again", () => {
  for (const preset of Object.keys(presets)) {
    const config = resolve({ preset });
    assert.deepEqual(resolve({ options: { ...config } }), config);
    assert.deepEqual(resolve({ file: { name: "c", text: JSON.stringify(config) } }), config);
  }
});

Deno.test("resolveRunConfig() lets options win over --set, --set over the file, the file over the preset", () => {
  const config = resolve({
    preset: "fixture",
    file: { name: "run.json", text: '{"lora":{"rank":4,"alpha":4},"seeds":2}' },
    set: ["lora.rank=8", "seeds=3", "newToken.token=<fmt>", 'lora.targetModules=["q_proj"]'],
    options: { seeds: 5 },
  });
  assert.equal(config.mixing.diverseRatio, presets["fixture"]?.mixing?.diverseRatio);
  assert.deepEqual(
    [config.lora.alpha, config.lora.rank, config.seeds, config.newToken.token],
    [4, 8, 5, "<fmt>"],
  );
  assert.deepEqual(config.lora.targetModules, ["q_proj"]);
});

Deno.test("resolveRunConfig() refuses an anchor with the new token in it", () => {
  const set = ["data.anchor=this is <fmt> :"];
  assert.equal(resolve({ set }).data.anchor, "this is <fmt> :");
  assert.match(
    complaint({ set: [...set, "newToken.token=<fmt>"] }),
    /data\.anchor: Expected a text without <fmt>/,
  );
});

Deno.test("resolveRunConfig() reports every problem at once", () => {
  const message = complaint({
    set: [
      "lora.rank=-1",
      "lora.rnk=4",
      "optimizer.betas=[0.9,1]",
      "mixing.strategy=delta",
      "training.batchSize=many",
      "seed",
      "arms=[]",
    ],
  });
  assert.equal(
    message,
    [
      "The config has 7 problems",
      "  seed: Expected path=value, as in lora.rank=8",
      "  arms: Expected a value with a length of at least 1, got []",
      '  mixing.strategy: Expected "delia" | "interleave" | "downstream_only", got "delta"',
      "  lora.rnk: there is no such setting",
      "  lora.rank: Expected a value greater than 0, got -1",
      "  optimizer.betas.1: Expected a value between 0 and 1 (excluded), got 1",
      '  training.batchSize: Expected number, got "many"',
    ].join("\n"),
  );
});

Deno.test("resolveRunConfig() wants the text that an init recipe reads", () => {
  assert.match(complaint({ set: ["newToken.init=copy"] }), /newToken\.text: Expected the text/);
  const { newToken } = resolve({ set: ["newToken.init=copy", "newToken.text=json"] });
  assert.equal(newToken.text, "json");
});

Deno.test("resolveSettings() wants DoRA without dropout, and not on the embedding", () => {
  const set = ["dora=true", 'targetModules=["q_proj","embed_tokens"]'];
  const lora = (set: ReadonlyArray<string>) => resolveSettings(LoraConfig, { set });
  assert.equal(
    Effect.runSync(Effect.flip(lora(set))).message,
    [
      "The config has 2 problems",
      "  dropout: Expected 0 with lora.dora, got 0.05",
      "  targetModules: Expected no embed_tokens with lora.dora",
    ].join("\n"),
  );
  assert.equal(Effect.runSync(lora(["dora=true", "dropout=0"])).dora, true);
  assert.deepEqual(Effect.runSync(lora(set.slice(1))).targetModules, ["q_proj", "embed_tokens"]);
});

Deno.test("resolveRunConfig() wants no LoRA on the embedding, where the new token has its row", () => {
  assert.match(
    complaint({ set: ['lora.targetModules=["embed_tokens"]'] }),
    /lora\.targetModules: Expected no embed_tokens: PEFT has no LoRA on an embedding with rows/,
  );
});

Deno.test("resolveRunConfig() names an unknown preset and a file that is no JSON object", () => {
  assert.equal(
    complaint({ preset: "fixtures" }),
    `There is no preset "fixtures"; there are ${Object.keys(presets).join(", ")}`,
  );
  assert.match(complaint({ preset: "toString" }), /There is no preset/);
  assert.match(complaint({ file: { name: "a.json", text: "{" } }), /^a\.json: Expected JSON: /);
  assert.equal(
    complaint({ file: { name: "a.json", text: "[]" } }),
    "a.json: Expected a JSON object",
  );
});
