import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { type MergeVerbOptions, runMerge } from "../../src/cli/merge.ts";
import { writeTokenizer } from "../../src/data/tokenizer_files.ts";
import { readTokenizer } from "../../src/data/tokenizer_files.ts";
import { llama } from "../../src/models/llama.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { platform } from "../../src/platform.ts";
import { writeModelDirectory } from "../../src/weights/model_directory.ts";
import { writeAdapter } from "../../src/weights/write_adapter.ts";
import type { HostTensor } from "../../src/weights/weights.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";
import { tinyFiles, tinyTokenizer } from "../support/tiny_tokenizer.ts";

const vocab = tinyTokenizer().vocabSize;
const hidden = 16;

/** A tied model over the tiny tokenizer, and an adapter that brings the token `<sep>`. */
const folders = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const parent = yield* fs.makeTempDirectoryScoped();
  const [model, adapter, out] = ["model", "adapter", "made/merged"].map((name) =>
    `${parent}/${name}`
  ) as [string, string, string];
  const config = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: vocab,
    hidden_size: hidden,
    intermediate_size: 24,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    tie_word_embeddings: true,
    torch_dtype: "float32",
  };
  const weights = randomWeights(llama, yield* llama.decode(config), 1);
  const tensors: Record<string, HostTensor> = {};
  for (const name of weights.names) tensors[name] = yield* weights.read(name);
  const { tokenizer, config: tokenizerConfig } = tinyFiles();
  yield* writeModelDirectory(model, {
    ...{ config, tensors, dtype: "F32" },
    tokenizer: tokenizer as Readonly<Record<string, unknown>>,
    tokenizerConfig: tokenizerConfig as Readonly<Record<string, unknown>>,
  });
  yield* fs.writeFileString(`${model}/generation_config.json`, '{ "top_k": 7 }');
  const ofBase = yield* readTokenizer(model);
  yield* fs.makeDirectory(adapter);
  yield* writeTokenizer(adapter, ofBase.withTokens(["<sep>"]).tokenizer);
  const path = "model.layers.0.self_attn.q_proj";
  yield* writeAdapter(adapter, {
    ...{ rank: 2, alpha: 4, dropout: 0, rsLora: false, base: { model } },
    linears: new Map([[path, {
      a: { shape: [2, hidden], data: uniform(2 * hidden, 1) },
      b: { shape: [hidden, 2], data: uniform(2 * hidden, 2) },
    }]]),
    rows: {
      tokens: [{ id: vocab, token: "<sep>" }],
      input: { shape: [1, hidden], data: uniform(hidden, 3) },
    },
  });
  return { model, adapter, out };
});

const merge = (options: Pick<MergeVerbOptions, "model" | "adapter" | "out">) =>
  runMerge({ json: true, dtype: undefined, ...options });

onGpu(
  "runMerge() writes config, tokenizer and generation settings that know the new token",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const { model, adapter, out } = yield* folders;
    const { document, text } = yield* merge({ model, adapter, out });
    assert.deepEqual(document, { directory: out, files: ["model.safetensors"], tensors: 11 });
    assert.match(text, /^11 tensors in 1 file in .*made\/merged$/);
    const config = JSON.parse(yield* fs.readFileString(`${out}/config.json`));
    assert.deepEqual(config, {
      ...JSON.parse(yield* fs.readFileString(`${model}/config.json`)),
      vocab_size: vocab + 1,
    });
    assert.equal(yield* fs.readFileString(`${out}/generation_config.json`), '{ "top_k": 7 }');
    const tokenizer = yield* readTokenizer(out);
    assert.deepEqual(tokenizer.encode("red <sep> red").filter((id) => id === vocab), [vocab]);
    assert.equal(tokenizer.vocabSize, vocab + 1);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "runMerge() refuses to write where something is",
  Effect.gen(function* () {
    const { model, adapter } = yield* folders;
    const { message } = yield* Effect.flip(merge({ model, adapter, out: model }));
    assert.match(message, /model: directory should be new or empty but is with /);
  }).pipe(Effect.provide(platform)),
);
