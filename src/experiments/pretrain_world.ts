/** Makes the base model of the miniature world: from nothing to a model directory. @module */
import { Effect, type FileSystem, type Path, type Scope, Stream } from "effect";
import { pretrainingItem } from "../../fixtures/world/item.ts";
import { tokenizerConfig, tokenizerJson } from "../../fixtures/world/tokenizer_files.ts";
import type { PretrainConfig } from "../config/pretrain_config.ts";
import type { DataError } from "../data/data_error.ts";
import { encodeChat, type Example } from "../data/example.ts";
import { makeTokenizer, type Tokenizer } from "../data/tokenizer.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import { randomUnit } from "../gpu/random.ts";
import { exportWeights } from "../models/export_weights.ts";
import type { ModelError } from "../models/model_error.ts";
import { llama } from "../models/llama.ts";
import type { Progress } from "../report/progress.ts";
import type { Checkpoints } from "../training/checkpoints.ts";
import type { MetricLog } from "../training/metric_log.ts";
import { pretrain } from "../training/pretrain.ts";
import type { TrainingError } from "../training/training_error.ts";
import { writeModelDirectory } from "../weights/model_directory.ts";
import type { WeightsError } from "../weights/weights_error.ts";

/** Items encoded at a time: one Effect an item would cost more than the encoding. */
const encodedTogether = 256;

/** The world's pre-training items as examples, from item `first` on, without end. */
export const worldExamples = (
  tokenizer: Tokenizer,
  { seed, promptShare, maxPositions }: PretrainConfig,
  first: number,
): Stream.Stream<Example, DataError> =>
  Stream.iterate(first, (from) => from + encodedTogether).pipe(
    Stream.mapEffect((from) =>
      Effect.forEach(Array.from({ length: encodedTogether }, (_, i) => from + i), (index) => {
        const { messages } = pretrainingItem(seed, index);
        const encoded = encodeChat(tokenizer, { messages }, { maxTokens: maxPositions });
        return Effect.map(
          encoded,
          (example) => withPromptLabels(example, promptShare, seed, index),
        );
      })
    ),
    Stream.flattenIterable,
  );

// A few labels in the prompt: it is worth learning the language of the questions too, but their
// random words must not drown the answers.
const withPromptLabels = (
  { ids, supervised }: Example,
  share: number,
  seed: number,
  index: number,
): Example => ({
  ids,
  supervised: supervised.map((label, at) => label || randomUnit(seed, index, at) < share),
});

// Rows of the tables are a whole number of the products' tiles; the spare ones wait for new tokens.
const rowMultiple = 64;

/** `config.json` of the model that `config` describes. */
export const baseConfigJson = (
  config: PretrainConfig,
  tokenizer: Tokenizer,
): Readonly<Record<string, unknown>> => ({
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: Math.ceil((tokenizer.vocabSize + 1) / rowMultiple) * rowMultiple,
  hidden_size: config.hidden,
  intermediate_size: config.intermediate,
  num_hidden_layers: config.layers,
  num_attention_heads: config.heads,
  num_key_value_heads: config.kvHeads,
  max_position_embeddings: config.maxPositions,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  hidden_act: "silu",
  attention_bias: false,
  mlp_bias: false,
  tie_word_embeddings: false,
  initializer_range: config.initializerRange,
  bos_token_id: tokenizer.bosId,
  eos_token_id: tokenizer.eosId,
  pad_token_id: tokenizer.padId,
  torch_dtype: "float16",
});

/** Trains a fresh model on the miniature world and writes it to `directory`, weights as f16. */
export const pretrainWorld = (
  config: PretrainConfig,
  directory: string,
  progress: Progress,
): Effect.Effect<
  { readonly parameters: number; readonly loss: number },
  GpuError | WeightsError | DataError | ModelError | TrainingError,
  Gpu | Checkpoints | MetricLog | FileSystem.FileSystem | Path.Path | Scope.Scope
> =>
  Effect.gen(function* () {
    const files = { tokenizer: tokenizerJson(), config: tokenizerConfig() };
    const tokenizer = yield* makeTokenizer(files);
    const json = baseConfigJson(config, tokenizer);
    const shape = yield* llama.decode(json);
    const part = progress.begin("pre-training", config.steps, "steps");
    let loss = NaN;
    const decoder = yield* pretrain(
      llama,
      shape,
      config,
      (first) => worldExamples(tokenizer, config, first),
      (report) =>
        Effect.sync(() => {
          loss = report.loss;
          part.advance(report.step + 1, `loss ${loss.toFixed(4)}`);
        }),
    );
    part.end();
    const tensors = yield* exportWeights(decoder);
    yield* writeModelDirectory(directory, {
      config: json,
      tokenizer: files.tokenizer,
      tokenizerConfig: files.config,
      tensors,
      dtype: "F16",
    });
    return { parameters: decoder.parameters.count, loss };
  });
