// Folders as PEFT 0.21.2 (transformers 5.23.0) wrote them for a Llama of two layers, vocab 13,
// hidden 8, intermediate 12, 2 heads and 1 key head: the names, shapes and settings that differ.
import assert from "node:assert/strict";
import { Effect, FileSystem, Path } from "effect";
import { platform } from "../../src/platform.ts";
import { formatJson, readJson } from "../../src/weights/files.ts";
import { openSafetensors } from "../../src/weights/model_directory.ts";
import { readAdapter } from "../../src/weights/read_adapter.ts";
import { type Adapter, scalingOf } from "../../src/weights/stored_adapter.ts";
import { writeAdapter } from "../../src/weights/write_adapter.ts";
import { encodeSafetensors } from "../../src/weights/safetensors.ts";

/** Every field that PEFT writes, as it stands where nobody set it. */
const defaults = {
  ...{ alora_invocation_tokens: null, alpha_pattern: {}, arrow_config: null, auto_mapping: null },
  ...{ base_model_name_or_path: null, bias: "none", corda_config: null, eva_config: null },
  ...{ ensure_weight_tying: false, exclude_modules: null, fan_in_fan_out: false },
  ...{ inference_mode: true, init_lora_weights: true, kasa_config: null, layer_replication: null },
  ...{ layers_pattern: null, layers_to_transform: null, loftq_config: {}, lora_alpha: 8 },
  ...{ lora_bias: false, lora_dropout: 0.0, lora_ga_config: null, megatron_config: null },
  ...{ megatron_core: "megatron.core", modules_to_save: null, monteclora_config: null },
  ...{ peft_type: "LORA", peft_version: "0.21.2", qalora_group_size: 16, r: 2, rank_pattern: {} },
  ...{ revision: null, target_modules: ["q_proj"], target_parameters: null },
  ...{ task_type: "CAUSAL_LM", trainable_token_indices: null, use_bdlora: null, use_dora: false },
  ...{ use_qalora: false, use_rslora: false, velora_config: null },
};

type Shapes = Readonly<Record<string, ReadonlyArray<number>>>;
const layer = (index: number, name: string): string => `model.layers.${index}.${name}`;
const [q0, q1] = [layer(0, "self_attn.q_proj"), layer(1, "self_attn.q_proj")];
const lora = (path: string, out: number, inputs: number, rank = 2): Shapes => ({
  [`${path}.lora_A.weight`]: [rank, inputs],
  [`${path}.lora_B.weight`]: [out, rank],
});
const queries = { ...lora(q0, 8, 8), ...lora(q1, 8, 8) };
const delta = "token_adapter.trainable_tokens_delta";

const folders: ReadonlyArray<{
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly shapes: Shapes;
  readonly check: (adapter: Adapter) => void;
}> = [
  {
    name: "rsLoRA",
    config: { use_rslora: true, r: 4, target_modules: [q0, layer(1, "mlp.down_proj")] },
    shapes: { ...lora(q0, 8, 8, 4), ...lora(layer(1, "mlp.down_proj"), 8, 12, 4) },
    check: (adapter) => assert.equal(scalingOf(adapter, adapter.linears.get(q0)!), 4),
  },
  {
    name: "DoRA",
    config: { use_dora: true },
    shapes: {
      ...queries,
      [`${q0}.lora_magnitude_vector`]: [8],
      [`${q1}.lora_magnitude_vector`]: [8],
    },
    check: ({ linears }) => assert.deepEqual(linears.get(q1)!.magnitude?.shape, [8]),
  },
  {
    name: "LoRA on the embedding, with the base's table beside it",
    config: { target_modules: ["q_proj", "embed_tokens"], lora_alpha: 6 },
    shapes: {
      "model.embed_tokens.base_layer.weight": [13, 8],
      "model.embed_tokens.lora_embedding_A": [2, 13],
      "model.embed_tokens.lora_embedding_B": [8, 2],
      ...queries,
    },
    check: (adapter) => {
      assert.deepEqual([...adapter.linears.keys()], [q0, q1]);
      assert.equal(scalingOf(adapter, adapter.embedding!), 3);
      assert.deepEqual([...adapter.tables!.keys()], ["model.embed_tokens"]);
    },
  },
  {
    name: "DoRA on the embedding",
    config: { target_modules: ["embed_tokens"], use_dora: true },
    shapes: {
      "model.embed_tokens.base_layer.weight": [13, 8],
      "model.embed_tokens.lora_embedding_A": [2, 13],
      "model.embed_tokens.lora_embedding_B": [8, 2],
      "model.embed_tokens.lora_magnitude_vector": [8],
    },
    check: ({ embedding }) => assert.deepEqual(embedding?.magnitude?.shape, [8]),
  },
  {
    name: "LoRA on the head",
    config: { target_modules: ["q_proj", "lm_head"] },
    shapes: { "lm_head.base_layer.weight": [13, 8], ...lora("lm_head", 13, 8), ...queries },
    check: ({ linears, tables }) => {
      assert.deepEqual([...linears.keys()], ["lm_head", q0, q1]);
      assert.deepEqual([...tables!.keys()], ["lm_head"]);
    },
  },
  {
    name: "rows of the embedding by a list of ids",
    config: { trainable_token_indices: [3, 5] },
    shapes: { [`model.embed_tokens.${delta}`]: [2, 8], ...queries },
    check: ({ rows }) => {
      assert.deepEqual(rows?.tokens, [{ id: 3 }, { id: 5 }]);
      assert.equal(rows?.output, undefined);
    },
  },
  {
    name: "rows of embedding and head",
    config: { trainable_token_indices: { embed_tokens: [3, 5], lm_head: [3, 5] } },
    shapes: {
      [`lm_head.${delta}`]: [2, 8],
      [`model.embed_tokens.${delta}`]: [2, 8],
      ...queries,
    },
    check: ({ rows }) => assert.deepEqual(rows?.output?.shape, [2, 8]),
  },
  {
    name: "rows of embedding and head that are tied: saved once",
    config: { trainable_token_indices: { embed_tokens: [3, 5], lm_head: [3, 5] } },
    shapes: { [`model.embed_tokens.${delta}`]: [2, 8], ...queries },
    check: ({ rows }) => assert.equal(rows?.output, undefined),
  },
  {
    name: "rows of a vocabulary resized in memory, untied",
    config: { trainable_token_indices: { embed_tokens: [13, 14] } },
    shapes: {
      "lm_head.weight": [15, 8],
      "model.embed_tokens.token_adapter.base_layer.weight": [15, 8],
      [`model.embed_tokens.${delta}`]: [2, 8],
      ...queries,
    },
    check: ({ rows, tables }) => {
      assert.equal(rows?.output, undefined);
      assert.deepEqual([...tables!.keys()], ["lm_head", "model.embed_tokens"]);
    },
  },
  {
    name: "rows of embedding and head of a vocabulary resized in memory",
    config: { trainable_token_indices: { embed_tokens: [13, 14], lm_head: [13, 14] } },
    shapes: {
      "lm_head.token_adapter.base_layer.weight": [15, 8],
      [`lm_head.${delta}`]: [2, 8],
      "model.embed_tokens.token_adapter.base_layer.weight": [15, 8],
      [`model.embed_tokens.${delta}`]: [2, 8],
      ...queries,
    },
    check: ({ rows, tables }) => {
      assert.deepEqual(rows?.output?.shape, [2, 8]);
      assert.deepEqual(tables!.get("lm_head")!.shape, [15, 8]);
    },
  },
  {
    name: "a vocabulary resized in memory without trained rows",
    config: {},
    shapes: { "lm_head.weight": [15, 8], "model.embed_tokens.weight": [15, 8], ...queries },
    check: ({ rows, tables }) => {
      assert.equal(rows, undefined);
      assert.deepEqual([...tables!.keys()], ["lm_head", "model.embed_tokens"]);
    },
  },
  {
    name: "ranks and alphas by pattern",
    config: {
      target_modules: ["q_proj", "v_proj"],
      lora_alpha: 4,
      rank_pattern: { [q1]: 5, v_proj: 3 },
      alpha_pattern: { q_proj: 7 },
    },
    shapes: {
      ...lora(q0, 8, 8),
      ...lora(q1, 8, 8, 5),
      ...lora(layer(0, "self_attn.v_proj"), 4, 8, 3),
      ...lora(layer(1, "self_attn.v_proj"), 4, 8, 3),
    },
    check: (adapter) => {
      const scalings = [...adapter.linears.values()].map((it) => scalingOf(adapter, it));
      assert.deepEqual(scalings, [7 / 2, 7 / 5, 4 / 3, 4 / 3]);
    },
  },
  {
    name: "one layer alone",
    config: { layers_to_transform: [1], layers_pattern: "layers" },
    shapes: lora(q1, 8, 8),
    check: ({ linears, targets }) => {
      assert.deepEqual([...linears.keys()], [q1]);
      assert.deepEqual(targets?.layers_to_transform, [1]);
    },
  },
];

for (const { name, config, shapes, check } of folders) {
  Deno.test(`readAdapter() reads what PEFT wrote and writeAdapter() names it alike: ${name}`, () =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
      const at = yield* fs.makeTempDirectoryScoped();
      const tensors = Object.entries(shapes).map(([key, shape], index) => {
        const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(index + 1);
        return [`base_model.model.${key}`, { shape, data }] as const;
      });
      const weights = encodeSafetensors(Object.fromEntries(tensors));
      yield* fs.writeFile(path.join(at, "adapter_model.safetensors"), weights);
      const settings = formatJson({ ...defaults, ...config });
      yield* fs.writeFileString(path.join(at, "adapter_config.json"), settings);
      const adapter = yield* readAdapter(at);
      check(adapter);

      const again = path.join(at, "again");
      yield* writeAdapter(again, adapter);
      const file = path.join(again, "adapter_model.safetensors");
      const { names } = yield* openSafetensors(file);
      assert.deepEqual([...names].sort(), tensors.map(([key]) => key).sort());
      assert.deepEqual(yield* readAdapter(again), adapter);
      const { use_dora: dora } = yield* readJson(path.join(again, "adapter_config.json"));
      assert.equal(dora, { ...defaults, ...config }.use_dora);
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
}
