/** An adapter as PEFT stores it: a folder of LoRA matrices, trained token rows and their configuration. @module */
import { Effect, type FileSystem, Path } from "effect";
import {
  formatJson,
  malformed,
  parseObject,
  readIfPresent,
  readJson,
  writeBytes,
  writeFiles,
} from "./files.ts";
import { openSafetensors } from "./model_directory.ts";
import {
  type AdapterBase,
  decodePeftConfig,
  decodeSidecar,
  type PeftConfig,
  type TrainedToken,
} from "./peft_config.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { checkShape, type HostTensor, type Weights } from "./weights.ts";
import type { WeightsError } from "./weights_error.ts";

/** The two matrices of one adapted linear: `a [rank, in]`, `b [out, rank]`. */
export interface LoraMatrices {
  readonly a: HostTensor;
  readonly b: HostTensor;
}

/** Rows that replace the base model's; the i-th row belongs to the i-th token. */
export interface TrainedRows {
  readonly tokens: ReadonlyArray<TrainedToken>;
  /** Rows of the embedding `[tokens, hidden]`. */
  readonly input: HostTensor;
  /** Rows of the head `[tokens, hidden]`; absent where head and embedding are tied. */
  readonly output?: HostTensor;
}

/** Everything that an adapter folder holds, as host values. */
export interface Adapter {
  readonly rank: number;
  /** The product B·A is scaled by alpha / rank, or by alpha / √rank under rsLoRA. */
  readonly alpha: number;
  readonly dropout: number;
  readonly rsLora: boolean;
  readonly base: AdapterBase;
  /** By the linear's name in the base model (`model.layers.0.self_attn.q_proj`). */
  readonly linears: ReadonlyMap<string, LoraMatrices>;
  readonly rows?: TrainedRows;
}

const prefix = "base_model.model.";
const embeddingRows = `${prefix}model.embed_tokens.token_adapter.trainable_tokens_delta`;
const headRows = `${prefix}lm_head.token_adapter.trainable_tokens_delta`;
const files = {
  config: "adapter_config.json",
  weights: "adapter_model.safetensors",
  sidecar: "delia.json",
} as const;

/** Writes `adapter` as a folder that `PeftModel.from_pretrained` loads on a base with enough rows. */
export const writeAdapter: (
  directory: string,
  adapter: Adapter,
) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (directory, adapter) {
    const path = yield* Path.Path;
    const { rows, base } = adapter;
    const tensors: Record<string, HostTensor> = {};
    for (const [name, { a, b }] of adapter.linears) {
      tensors[`${prefix}${name}.lora_A.weight`] = a;
      tensors[`${prefix}${name}.lora_B.weight`] = b;
    }
    if (rows !== undefined) tensors[embeddingRows] = rows.input;
    if (rows?.output !== undefined) tensors[headRows] = rows.output;
    yield* writeFiles(directory, {
      [files.config]: formatJson(peftConfig(adapter)),
      [files.sidecar]: formatJson({ base, tokens: rows?.tokens ?? [] }),
    });
    yield* writeBytes(path.join(directory, files.weights), encodeSafetensors(tensors));
  },
);

/** `adapter_config.json` of an adapter, with the keys that PEFT needs to load it. */
const peftConfig = ({ rank, alpha, dropout, rsLora, base, linears, rows }: Adapter) => {
  const ids = rows?.tokens.map(({ id }) => id) ?? [];
  const trained: Readonly<Record<string, ReadonlyArray<number>>> = rows?.output === undefined
    ? { embed_tokens: ids }
    : { embed_tokens: ids, lm_head: ids };
  const config: PeftConfig & Readonly<Record<string, unknown>> = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: base.model,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: dropout,
    use_rslora: rsLora,
    target_modules: [...new Set([...linears.keys()].map((name) => name.split(".").at(-1)!))],
    trainable_token_indices: rows === undefined ? null : trained,
    use_dora: false,
    bias: "none",
    modules_to_save: null,
    rank_pattern: {},
    alpha_pattern: {},
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
  };
  return config;
};

/** Reads an adapter folder, PEFT's own too; refuses what would change its meaning if it were ignored. */
export const readAdapter: (
  directory: string,
) => Effect.Effect<Adapter, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (directory) {
    const path = yield* Path.Path;
    const configFile = path.join(directory, files.config);
    const config = yield* decodePeftConfig(configFile, yield* readJson(configFile));
    const sidecarFile = path.join(directory, files.sidecar);
    const text = yield* readIfPresent(sidecarFile);
    const sidecar = text === undefined
      ? { base: { model: config.base_model_name_or_path ?? "" }, tokens: [] }
      : yield* decodeSidecar(sidecarFile, yield* parseObject(sidecarFile, text));

    const weightsFile = path.join(directory, files.weights);
    const weights = yield* openSafetensors(weightsFile);
    const linears = new Map<string, LoraMatrices>();
    for (const key of weights.names) {
      const name = /^base_model\.model\.(.+)\.lora_[AB]\.weight$/.exec(key)?.[1];
      if (name !== undefined) {
        if (!linears.has(name)) linears.set(name, yield* readMatrices(weights, name, config.r));
      } else if (key !== embeddingRows && key !== headRows) {
        const expected = "LoRA matrices and trained token rows only";
        return yield* malformed(weightsFile, "content", expected, key);
      }
    }

    const ids = trainedIds(config);
    const named = new Map(sidecar.tokens.map((token) => [token.id, token]));
    const tokens = ids.map((id) => named.get(id) ?? { id });
    const rows = ids.length === 0 ? undefined : yield* readRows(weights, tokens);
    return {
      rank: config.r,
      alpha: config.lora_alpha,
      dropout: config.lora_dropout,
      rsLora: config.use_rslora,
      base: sidecar.base,
      linears,
      ...(rows === undefined ? {} : { rows }),
    };
  },
  Effect.scoped,
);

const readMatrices = Effect.fnUntraced(function* (weights: Weights, name: string, rank: number) {
  const [keyA, keyB] = [`${prefix}${name}.lora_A.weight`, `${prefix}${name}.lora_B.weight`];
  const [a, b] = [yield* weights.read(keyA), yield* weights.read(keyB)];
  yield* checkShape(keyA, a, [rank, a.shape[1] ?? 0]);
  yield* checkShape(keyB, b, [b.shape[0] ?? 0, rank]);
  return { a, b };
});

const readRows = Effect.fnUntraced(
  function* (weights: Weights, tokens: ReadonlyArray<TrainedToken>) {
    const input = yield* weights.read(embeddingRows);
    const shape = [tokens.length, input.shape[1] ?? 0];
    yield* checkShape(embeddingRows, input, shape);
    return weights.names.includes(headRows)
      ? { tokens, input, output: yield* weights.read(headRows, shape) }
      : { tokens, input };
  },
);

/** PEFT writes either a list, meant for the embedding, or a list by module name. */
const trainedIds = ({ trainable_token_indices: indices }: PeftConfig): ReadonlyArray<number> => {
  if (indices === null) return [];
  return isList(indices) ? indices : indices["embed_tokens"] ?? [];
};

const isList = (
  indices: NonNullable<PeftConfig["trainable_token_indices"]>,
): indices is ReadonlyArray<number> => Array.isArray(indices);
