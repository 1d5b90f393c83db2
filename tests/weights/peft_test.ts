import assert from "node:assert/strict";
import { Effect, FileSystem, Path } from "effect";
import { type Platform, platform } from "../../src/platform.ts";
import { readJson } from "../../src/weights/files.ts";
import { openSafetensors } from "../../src/weights/model_directory.ts";
import { type Adapter, readAdapter, writeAdapter } from "../../src/weights/peft.ts";
import type { HostTensor } from "../../src/weights/weights.ts";

const tensor = (...shape: ReadonlyArray<number>): HostTensor => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 8 - 1),
});

const adapter: Adapter = {
  rank: 2,
  alpha: 4,
  dropout: 0.05,
  rsLora: true,
  base: { model: "fixtures/base", vocabularySize: 9, sha256: { "config.json": "ab" } },
  linears: new Map([
    ["model.layers.0.self_attn.q_proj", { a: tensor(2, 3), b: tensor(4, 2) }],
    ["model.layers.1.mlp.down_proj", { a: tensor(2, 5), b: tensor(3, 2) }],
  ]),
  rows: {
    tokens: [{ id: 9, token: "<sep>", init: "matched_normal" }],
    input: tensor(1, 3),
    output: tensor(1, 3),
  },
};

/** Runs `body` on a folder that holds `adapter`. */
const onFolder = (name: string, body: (at: string) => Effect.Effect<void, unknown, Platform>) =>
  Deno.test(name, () =>
    Effect.gen(function* () {
      const at = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped();
      yield* writeAdapter(at, adapter);
      yield* body(at);
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

/** Writes `adapter_config.json` again with some keys changed. */
const change = Effect.fnUntraced(function* (at: string, keys: Readonly<Record<string, unknown>>) {
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
  const file = path.join(at, "adapter_config.json");
  const config = yield* readJson(file);
  yield* fs.writeFileString(file, JSON.stringify({ ...config, ...keys }));
});

onFolder("writeAdapter() writes what readAdapter() reads", (at) =>
  Effect.gen(function* () {
    assert.deepEqual(yield* readAdapter(at), adapter);
  }));

onFolder("writeAdapter() uses the names of PEFT", (at) =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const file = path.join(at, "adapter_model.safetensors");
    const { names } = yield* Effect.scoped(openSafetensors(file));
    assert.deepEqual(names, [
      "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
      "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
      "base_model.model.model.layers.1.mlp.down_proj.lora_A.weight",
      "base_model.model.model.layers.1.mlp.down_proj.lora_B.weight",
      "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta",
      "base_model.model.lm_head.token_adapter.trainable_tokens_delta",
    ]);
    const config = yield* readJson(path.join(at, "adapter_config.json"));
    assert.deepEqual(config["target_modules"], ["q_proj", "down_proj"]);
    assert.deepEqual(config["trainable_token_indices"], { embed_tokens: [9], lm_head: [9] });
    assert.equal(config["peft_type"], "LORA");
  }));

onFolder(
  "readAdapter() reads a folder without delia.json and a list of token indices",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      yield* fs.remove(path.join(at, "delia.json"));
      yield* change(at, { trainable_token_indices: [9] });
      const read = yield* readAdapter(at);
      assert.deepEqual(read.base, { model: "fixtures/base" });
      assert.deepEqual(read.rows?.tokens, [{ id: 9 }]);
    }),
);

const refused: ReadonlyArray<readonly [Readonly<Record<string, unknown>>, RegExp]> = [
  [{ use_dora: true }, /adapter_config\.json: use_dora should be false but is true$/],
  [{ bias: "all" }, /bias should be "none" but is "all"$/],
  [{ peft_type: "IA3" }, /peft_type should be "LORA" but is "IA3"$/],
  [{ rank_pattern: { q_proj: 4 } }, /rank_pattern\.q_proj should be never but is 4$/],
  [{ r: 3 }, /q_proj\.lora_A\.weight should be \[3,3\] but is \[2,3\]$/],
  [
    { trainable_token_indices: [9, 10] },
    /trainable_tokens_delta should be \[2,3\] but is \[1,3\]$/,
  ],
];

for (const [keys, message] of refused) {
  onFolder(`readAdapter() refuses ${JSON.stringify(keys)}`, (at) =>
    Effect.gen(function* () {
      yield* change(at, keys);
      assert.match((yield* Effect.flip(readAdapter(at))).message, message);
    }));
}
