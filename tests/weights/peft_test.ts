import assert from "node:assert/strict";
import { Effect, FileSystem, Path } from "effect";
import { type Platform, platform } from "../../src/platform.ts";
import { readJson } from "../../src/weights/files.ts";
import { openSafetensors } from "../../src/weights/model_directory.ts";
import { readAdapter } from "../../src/weights/read_adapter.ts";
import { type Adapter, scalingOf } from "../../src/weights/stored_adapter.ts";
import { writeAdapter } from "../../src/weights/write_adapter.ts";
import type { Targets } from "../../src/weights/peft_targets.ts";
import { encodeSafetensors } from "../../src/weights/safetensors.ts";
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

const { output: _, ...inputRows } = adapter.rows!;

/** What a folder says of its modules where one layer has not what another has. */
const targets: Targets = {
  target_modules: [...adapter.linears.keys()],
  exclude_modules: null,
  layers_to_transform: null,
  layers_pattern: null,
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
    assert.deepEqual(yield* readAdapter(at), { ...adapter, targets });
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
    assert.deepEqual(config["target_modules"], [...adapter.linears.keys()]);
    assert.deepEqual(config["trainable_token_indices"], { embed_tokens: [9], lm_head: [9] });
    assert.equal(config["peft_type"], "LORA");
  }));

onFolder(
  "readAdapter() reads a folder without delia.json and a list of token indices",
  (at) =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      yield* writeAdapter(at, { ...adapter, rows: inputRows });
      yield* fs.remove(path.join(at, "delia.json"));
      yield* change(at, { trainable_token_indices: [9] });
      const read = yield* readAdapter(at);
      assert.deepEqual(read.base, { model: "fixtures/base" });
      assert.deepEqual(read.rows, { ...inputRows, tokens: [{ id: 9 }] });
    }),
);

const everything: Adapter = {
  ...adapter,
  linears: new Map(["0", "1"].flatMap((layer) => [
    [`model.layers.${layer}.self_attn.q_proj`, {
      a: tensor(2, 3),
      b: tensor(4, 2),
      magnitude: tensor(4),
    }],
    [`model.layers.${layer}.mlp.down_proj`, {
      a: tensor(3, 5),
      b: tensor(3, 3),
      alpha: 7,
      magnitude: tensor(3),
    }],
  ])),
  embedding: { a: tensor(2, 9), b: tensor(3, 2), magnitude: tensor(3) },
  tables: new Map([["model.embed_tokens", tensor(9, 3)]]),
  rows: inputRows,
};

onFolder(
  "writeAdapter() and readAdapter() keep DoRA, other ranks and alphas, and the embedding",
  (at) =>
    Effect.gen(function* () {
      const path = yield* Path.Path;
      yield* writeAdapter(at, everything);
      assert.deepEqual(yield* readAdapter(at), everything);
      const config = yield* readJson(path.join(at, "adapter_config.json"));
      assert.deepEqual(config["target_modules"], ["q_proj", "down_proj", "embed_tokens"]);
      assert.equal(config["use_dora"], true);
      const downs = ["0", "1"].map((layer) => `model.layers.${layer}.mlp.down_proj`);
      assert.deepEqual(config["rank_pattern"], { [downs[0]!]: 3, [downs[1]!]: 3 });
      assert.deepEqual(config["alpha_pattern"], { [downs[0]!]: 7, [downs[1]!]: 7 });
    }),
);

Deno.test("scalingOf() takes rank and alpha of the module, and the root of the rank under rsLoRA", () => {
  const [q, down] = [...everything.linears.values()];
  assert.equal(scalingOf({ alpha: 4, rsLora: false }, q!), 2);
  assert.equal(scalingOf({ alpha: 4, rsLora: true }, q!), 4 / Math.sqrt(2));
  assert.equal(scalingOf({ alpha: 4, rsLora: false }, down!), 7 / 3);
});

const init = "init_lora_weights should be one that leaves the base as it is";
const refused: ReadonlyArray<readonly [Readonly<Record<string, unknown>>, RegExp]> = [
  [
    { use_dora: true },
    /no tensor "base_model\.model\.model\.layers\.0\.self_attn\.q_proj\.lora_mag/,
  ],
  [{ bias: "all" }, /bias should be "none" \(trained biases are not read\) but is "all"$/],
  [{ bias: "lora_only" }, /bias should be "none" \(trained biases .*\) but is "lora_only"$/],
  [{ lora_bias: true }, /lora_bias should be false \(trained biases are not read\) but is true$/],
  [
    { modules_to_save: ["embed_tokens", "lm_head"] },
    /modules_to_save should be null \(whole modules are not read: train rows .* but is \["embed_/,
  ],
  [{ init_lora_weights: "pissa" }, new RegExp(`${init} \\(PEFT converts .* but is "pissa"$`)],
  [{ init_lora_weights: "olora" }, new RegExp(init)],
  [{ target_parameters: ["x.weight"] }, /target_parameters should be null \(only modules are/],
  [
    { fan_in_fan_out: true },
    /fan_in_fan_out should be false \(linears hold \[out, in\]\) but is t/,
  ],
  [
    { layer_replication: [[0, 4], [2, 5]] },
    /layer_replication should be null, false or empty \(it is not known here\) but is \[\[0,4\]/,
  ],
  [{ use_qalora: true }, /use_qalora should be null, false or empty \(it is not known here\) but/],
  [{ peft_type: "IA3" }, /peft_type should be "LORA" but is "IA3"$/],
  [{ r: 3 }, /q_proj\.lora_A\.weight should be \[3,3\] but is \[2,3\]$/],
  [{ r: 0 }, /adapter_config\.json: r should be a value greater than 0 but is 0$/],
  [{ rank_pattern: { q_proj: 4 } }, /q_proj\.lora_A\.weight should be \[4,3\] but is \[2,3\]$/],
  [
    { rank_pattern: { "(q+)+_proj": 4 } },
    /rank_pattern should be of module names or simple patterns but is "\(q\+\)\+_proj"$/,
  ],
  [{ alpha_pattern: { "q_(": 4 } }, /alpha_pattern should be of module names or simple patterns/],
  [
    { trainable_token_indices: null },
    /ignored but has .*embed_tokens\.token_adapter\.trainable_tokens_delta, .*lm_head/,
  ],
  [
    { trainable_token_indices: [9, 10] },
    /trainable_tokens_delta should be \[2,3\] but is \[1,3\]$/,
  ],
  [
    { trainable_token_indices: { embed_tokens: [9], lm_head: [8] } },
    /indices should be the same ids, in the same order, for lm_head as for embed_tokens but is \{/,
  ],
  [
    { trainable_token_indices: { lm_head: [9] } },
    /indices should be the same ids, in the same order, for lm_head as for embed_tokens but is \{/,
  ],
  [
    { trainable_token_indices: { embed_tokens: [9], q_proj: [9] } },
    /trainable_token_indices should be of embed_tokens and lm_head alone but is/,
  ],
  [
    { trainable_token_indices: { embed_tokens: [9, 9] } },
    /trainable_token_indices should be without repeated ids but is/,
  ],
];

for (const [keys, message] of refused) {
  onFolder(`readAdapter() refuses ${JSON.stringify(keys)}`, (at) =>
    Effect.gen(function* () {
      yield* change(at, keys);
      assert.match((yield* Effect.flip(readAdapter(at))).message, message);
    }));
}

const taken: ReadonlyArray<Readonly<Record<string, unknown>> & Partial<Targets>> = [
  { target_modules: "all-linear" },
  { target_modules: ".*layers\\.1.*(q|v)_proj", exclude_modules: ["k_proj"] },
  { layers_to_transform: [0, 1], layers_pattern: "layers" },
  { init_lora_weights: "gaussian", task_type: null, inference_mode: false },
  { peft_version: "0.21.2", megatron_core: "megatron.core", qalora_group_size: 16 },
  { loftq_config: {}, use_bdlora: null, some_later_switch: false },
];

for (const keys of taken) {
  onFolder(`readAdapter() takes ${JSON.stringify(keys)}`, (at) =>
    Effect.gen(function* () {
      yield* change(at, keys);
      const { targets: _, ...read } = yield* readAdapter(at);
      assert.deepEqual(read, adapter);
    }));
}

onFolder(
  "readAdapter() keeps what chooses layers, and nothing where all have the same",
  (at) =>
    Effect.gen(function* () {
      const names = { target_modules: ["q_proj", "down_proj"] };
      const few = { ...names, layers_to_transform: [1], layers_pattern: "layers" };
      yield* change(at, few);
      assert.deepEqual((yield* readAdapter(at)).targets, { ...targets, ...few });
      yield* change(at, { ...names, layers_to_transform: null });
      assert.equal((yield* readAdapter(at)).targets, undefined);
      yield* change(at, { target_modules: "all-linear" });
      assert.equal((yield* readAdapter(at)).targets, undefined);
    }),
);

const tables = new Map([["model.embed_tokens", tensor(10, 3)], ["lm_head", tensor(10, 3)]]);

onFolder(
  "writeAdapter() puts tables where PEFT has them: beside LoRA, trained rows or nothing",
  (at) =>
    Effect.gen(function* () {
      const path = yield* Path.Path;
      const file = path.join(at, "adapter_model.safetensors");
      const tablesOf = (stored: Adapter) =>
        Effect.scoped(Effect.gen(function* () {
          yield* writeAdapter(at, stored);
          assert.deepEqual((yield* readAdapter(at)).tables, tables);
          const { names } = yield* openSafetensors(file);
          return names.filter((name) => /[^AB]\.weight$/.test(name));
        }));
      const [embedding, head] = ["base_model.model.model.embed_tokens", "base_model.model.lm_head"];
      assert.deepEqual(yield* tablesOf({ ...adapter, tables }), [
        `${embedding}.token_adapter.base_layer.weight`,
        `${head}.token_adapter.base_layer.weight`,
      ]);
      assert.deepEqual(yield* tablesOf({ ...adapter, tables, rows: inputRows }), [
        `${embedding}.token_adapter.base_layer.weight`,
        `${head}.weight`,
      ]);
      const { rows: _, ...withoutRows } = adapter;
      assert.deepEqual(yield* tablesOf({ ...withoutRows, tables }), [
        `${embedding}.weight`,
        `${head}.weight`,
      ]);
      const lora = { a: tensor(2, 10), b: tensor(3, 2) };
      assert.deepEqual(yield* tablesOf({ ...withoutRows, tables, embedding: lora }), [
        `${embedding}.base_layer.weight`,
        `${head}.weight`,
      ]);
    }),
);

onFolder(
  "readAdapter() takes unlisted rows of the head where they are the embedding's",
  (at) =>
    Effect.gen(function* () {
      yield* change(at, { trainable_token_indices: [9] });
      assert.deepEqual((yield* readAdapter(at)).rows, adapter.rows);
      const other = { shape: [1, 3], data: new Float32Array(3) };
      yield* writeAdapter(at, { ...adapter, rows: { ...adapter.rows!, output: other } });
      assert.deepEqual((yield* readAdapter(at)).rows!.output, other);
      yield* change(at, { trainable_token_indices: { embed_tokens: [9] } });
      assert.match(
        (yield* Effect.flip(readAdapter(at))).message,
        /lm_head\.token_adapter\.trainable_tokens_delta should be the embedding's, as trainable_token_indices does not list lm_head, but is other rows$/,
      );
    }),
);

onFolder("readAdapter() refuses a plain weight that is no table", (at) =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const name = "base_model.model.model.norm.weight";
    const { names, read } = yield* openSafetensors(path.join(at, "adapter_model.safetensors"));
    const tensors = yield* Effect.forEach(names, (key) =>
      Effect.map(read(key), (value) => [key, value] as const));
    const bytes = encodeSafetensors({ ...Object.fromEntries(tensors), [name]: tensor(3) });
    yield* fs.writeFile(path.join(at, "adapter_model.safetensors"), bytes);
    assert.match(
      (yield* Effect.flip(readAdapter(at))).message,
      /should hold no tensor that would be ignored but has base_model\.model\.model\.norm\.weight$/,
    );
  }).pipe(Effect.scoped));
