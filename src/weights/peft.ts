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
import { refuseExtra } from "./extra_tensors.ts";
import { openSafetensors } from "./model_directory.ts";
import {
  type AdapterBase,
  decodePeftConfig,
  decodeSidecar,
  type PeftConfig,
  trainedIds,
  type TrainedToken,
} from "./peft_config.ts";
import { matchPattern } from "./peft_patterns.ts";
import { choosesLayers, type Targets } from "./peft_targets.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { checkShape, type HostTensor, type Weights } from "./weights.ts";
import type { WeightsError } from "./weights_error.ts";

/**
 * What LoRA adds to a matrix W [out, in]: `a [rank, in]` and `b [out, rank]` make W + s·B·A, with `s`
 * of {@linkcode scalingOf}. Their shapes tell the rank, which need not be the adapter's.
 */
export interface LoraMatrices {
  readonly a: HostTensor;
  readonly b: HostTensor;
  /** Where it is not the adapter's. */
  readonly alpha?: number;
  /** DoRA: the row o of W + s·B·A is scaled to the length `magnitude[o]`; shape `[out]`. */
  readonly magnitude?: HostTensor;
}

/** Rows that replace the base model's; the i-th row belongs to the i-th token. */
export interface TrainedRows {
  readonly tokens: ReadonlyArray<TrainedToken>;
  /** Rows of the embedding `[tokens, hidden]`. */
  readonly input: HostTensor;
  /**
   * Rows of the head `[tokens, hidden]`; absent where the head's are the embedding's (tied) or the
   * base's.
   */
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
  /**
   * LoRA on the embedding, as on a matrix `[hidden, vocab]`: token t is embedded as E[t] + s·B·A[:, t].
   * A tied head keeps reading E. (Under DoRA, `magnitude` scales the rows of that matrix.)
   */
  readonly embedding?: LoraMatrices;
  /**
   * Whole tables `[rows, hidden]` by module (`model.embed_tokens`, `lm_head`): PEFT saves the base's
   * own beside LoRA on it, and both where the vocabulary was resized in memory. It takes the saved one
   * for the base's when it loads the folder.
   */
  readonly tables?: ReadonlyMap<string, HostTensor>;
  readonly rows?: TrainedRows;
  /** What the folder says it adapts, where that need not be the same modules in every layer. */
  readonly targets?: Targets;
}

/** The factor of B·A: alpha / rank, or alpha / √rank under rsLoRA. */
export const scalingOf = (
  { alpha, rsLora }: Pick<Adapter, "alpha" | "rsLora">,
  matrices: LoraMatrices,
): number => {
  const rank = matrices.a.shape[0]!;
  return (matrices.alpha ?? alpha) / (rsLora ? Math.sqrt(rank) : rank);
};

// Names as PEFT 0.21.2 writes them.
const prefix = "base_model.model.";
const embeddingPath = "model.embed_tokens";
const headPath = "lm_head";
const embeddingRows = `${prefix}${embeddingPath}.token_adapter.trainable_tokens_delta`;
const headRows = `${prefix}${headPath}.token_adapter.trainable_tokens_delta`;
const parts = {
  linear: { a: "lora_A.weight", b: "lora_B.weight" },
  embedding: { a: "lora_embedding_A", b: "lora_embedding_B" },
  magnitude: "lora_magnitude_vector",
} as const;
const tableParts = {
  adapted: "base_layer.weight",
  trained: "token_adapter.base_layer.weight",
  plain: "weight",
} as const;
const files = {
  config: "adapter_config.json",
  weights: "adapter_model.safetensors",
  sidecar: "delia.json",
} as const;

/** What of an adapter lies in its tensors. */
type Tensors = Pick<Adapter, "linears" | "embedding" | "tables" | "rows">;

/** Every adapted module, the embedding too. */
const modulesOf = ({ linears, embedding }: Tensors): ReadonlyMap<string, LoraMatrices> =>
  new Map([...linears, ...embedding ? [[embeddingPath, embedding] as const] : []]);

/** Where a table lies: its module may be wrapped by LoRA, or by its trained rows. */
const tableKey = ({ linears, embedding, rows }: Tensors, path: string): string => {
  const isAdapted = linears.has(path) || path === embeddingPath && embedding !== undefined;
  const trained = path === embeddingPath
    ? rows?.input
    : path === headPath
    ? rows?.output
    : undefined;
  const part = isAdapted ? tableParts.adapted : trained ? tableParts.trained : tableParts.plain;
  return `${prefix}${path}.${part}`;
};

/** The content of `adapter_model.safetensors`. */
const tensorsOf = (adapter: Tensors): ReadonlyMap<string, HostTensor> => {
  const tensors = new Map<string, HostTensor>();
  for (const [path, matrices] of modulesOf(adapter)) {
    const { a, b } = matrices === adapter.embedding ? parts.embedding : parts.linear;
    tensors.set(`${prefix}${path}.${a}`, matrices.a);
    tensors.set(`${prefix}${path}.${b}`, matrices.b);
    if (matrices.magnitude) tensors.set(`${prefix}${path}.${parts.magnitude}`, matrices.magnitude);
  }
  for (const [path, table] of adapter.tables ?? []) {
    tensors.set(tableKey(adapter, path), table);
  }
  if (adapter.rows) tensors.set(embeddingRows, adapter.rows.input);
  if (adapter.rows?.output) tensors.set(headRows, adapter.rows.output);
  return tensors;
};

/** Writes `adapter` as a folder that `PeftModel.from_pretrained` loads on a base with enough rows. */
export const writeAdapter: (
  directory: string,
  adapter: Adapter,
) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (directory, adapter) {
    const path = yield* Path.Path;
    yield* writeFiles(directory, {
      [files.config]: formatJson(peftConfig(adapter)),
      [files.sidecar]: formatJson({ base: adapter.base, tokens: adapter.rows?.tokens ?? [] }),
    });
    const tensors = Object.fromEntries(tensorsOf(adapter));
    yield* writeBytes(path.join(directory, files.weights), encodeSafetensors(tensors));
  },
);

/** `adapter_config.json` of an adapter, with the keys that PEFT needs to load it. */
const peftConfig = (adapter: Adapter) => {
  const { rank, alpha, dropout, rsLora, base, rows } = adapter;
  const modules = modulesOf(adapter);
  const ids = rows?.tokens.map(({ id }) => id) ?? [];
  const trained: Readonly<Record<string, ReadonlyArray<number>>> = rows?.output === undefined
    ? { embed_tokens: ids }
    : { embed_tokens: ids, lm_head: ids };
  const withMagnitude = [...modules.values()].filter(({ magnitude }) => magnitude).length;
  if (withMagnitude > 0 && withMagnitude < modules.size) {
    throw new Error(`Expected a magnitude of all ${modules.size} modules but got ${withMagnitude}`);
  }
  const targets: Targets = adapter.targets ?? {
    target_modules: targetModules([...modules.keys()]),
    exclude_modules: null,
    layers_to_transform: null,
    layers_pattern: null,
  };
  const config: PeftConfig & Readonly<Record<string, unknown>> = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: base.model,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: dropout,
    use_rslora: rsLora,
    ...targets,
    trainable_token_indices: rows === undefined ? null : trained,
    use_dora: withMagnitude > 0,
    bias: "none",
    modules_to_save: null,
    rank_pattern: Object.fromEntries(
      [...modules].flatMap(([name, { a }]) => a.shape[0] === rank ? [] : [[name, a.shape[0]!]]),
    ),
    alpha_pattern: Object.fromEntries(
      [...modules].flatMap(([name, { alpha }]) => alpha === undefined ? [] : [[name, alpha]]),
    ),
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
  };
  return config;
};

/** Last names where they mean these modules and no others, else whole paths. */
const targetModules = (paths: ReadonlyArray<string>): ReadonlyArray<string> => {
  const layerOf = (path: string): string => /\.layers\.(\d+)\./.exec(path)?.[1] ?? "";
  const layers = new Set(paths.map(layerOf).filter((layer) => layer !== ""));
  const names = new Map<string, number>();
  for (const path of paths) {
    const name = path.split(".").at(-1)!;
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  const regular = paths.every((path) =>
    names.get(path.split(".").at(-1)!) === (layerOf(path) === "" ? 1 : layers.size)
  );
  return regular && [...layers].every((layer) => Number(layer) < layers.size)
    ? [...names.keys()]
    : paths;
};

/** Reads an adapter folder, PEFT's own too; refuses what would change its meaning if it were ignored. */
export const readAdapter: (
  directory: string,
) => Effect.Effect<Adapter, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (directory) {
    const path = yield* Path.Path;
    const configFile = path.join(directory, files.config);
    const config = yield* decodePeftConfig(configFile, yield* readJson(configFile));
    const { input: ids, listsHead } = yield* trainedIds(configFile, config);
    const sidecarFile = path.join(directory, files.sidecar);
    const text = yield* readIfPresent(sidecarFile);
    const sidecar = text === undefined
      ? { base: { model: config.base_model_name_or_path ?? "" }, tokens: [] }
      : yield* decodeSidecar(sidecarFile, yield* parseObject(sidecarFile, text));

    const weightsFile = path.join(directory, files.weights);
    const weights = yield* openSafetensors(weightsFile);
    const linears = new Map<string, LoraMatrices>();
    const tables = new Map<string, HostTensor>();
    let embedding: LoraMatrices | undefined;
    for (const key of weights.names) {
      const { path, part } = moduleKey.exec(key)?.groups ?? {};
      if (path !== undefined && part === parts.linear.a) {
        linears.set(path, yield* readMatrices(weights, path, parts.linear, config));
      } else if (path === embeddingPath && part === parts.embedding.a) {
        embedding = yield* readMatrices(weights, path, parts.embedding, config);
      }
      const table = tableModule.exec(key)?.groups?.["path"];
      if (table !== undefined) tables.set(table, yield* weights.read(key));
    }
    const named = new Map(sidecar.tokens.map((token) => [token.id, token]));
    const tokens = ids.map((id) => named.get(id) ?? { id });
    const rows = ids.length === 0
      ? undefined
      : yield* readRows(weights, tokens, listsHead, weightsFile);
    const tensors: Tensors = {
      linears,
      ...embedding ? { embedding } : {},
      ...tables.size > 0 ? { tables } : {},
      ...rows ? { rows } : {},
    };
    yield* refuseExtra(weights, tensorsOf(tensors).keys(), weightsFile);
    return {
      rank: config.r,
      alpha: config.lora_alpha,
      dropout: config.lora_dropout,
      rsLora: config.use_rslora,
      base: sidecar.base,
      ...tensors,
      ...choosesLayers(config) ? { targets: targetsOf(config) } : {},
    };
  },
  Effect.scoped,
);

const moduleKey = new RegExp(`^${RegExp.escape(prefix)}(?<path>.+?)\\.(?<part>lora_.+)$`);
const tableModule = new RegExp(
  `^${RegExp.escape(prefix)}(?<path>${[embeddingPath, headPath].map(RegExp.escape).join("|")})\\.` +
    `(?:${Object.values(tableParts).map(RegExp.escape).join("|")})$`,
);

const targetsOf = (
  { target_modules, exclude_modules, layers_to_transform, layers_pattern }: PeftConfig,
): Targets => ({ target_modules, exclude_modules, layers_to_transform, layers_pattern });

/** The tensors of one adapted module, of the rank that the configuration gives it. */
const readMatrices = Effect.fnUntraced(function* (
  weights: Weights,
  path: string,
  names: { readonly a: string; readonly b: string },
  config: PeftConfig,
) {
  const rank = matchPattern(config.rank_pattern, path) ?? config.r;
  const alpha = matchPattern(config.alpha_pattern, path);
  const [keyA, keyB] = [`${prefix}${path}.${names.a}`, `${prefix}${path}.${names.b}`];
  const [a, b] = [yield* weights.read(keyA), yield* weights.read(keyB)];
  yield* checkShape(keyA, a, [rank, a.shape[1] ?? 0]);
  yield* checkShape(keyB, b, [b.shape[0] ?? 0, rank]);
  const matrices = alpha === undefined || alpha === config.lora_alpha ? { a, b } : { a, b, alpha };
  if (!config.use_dora) return matrices;
  const magnitude = yield* weights.read(`${prefix}${path}.${parts.magnitude}`, [b.shape[0]!]);
  return { ...matrices, magnitude };
});

const readRows = Effect.fnUntraced(function* (
  weights: Weights,
  tokens: ReadonlyArray<TrainedToken>,
  listsHead: boolean,
  file: string,
) {
  const input = yield* weights.read(embeddingRows);
  const shape = [tokens.length, input.shape[1] ?? 0];
  yield* checkShape(embeddingRows, input, shape);
  // A head that is tied may have no rows of its own, even where the configuration lists them.
  if (!weights.describe(headRows)) return { tokens, input };
  const output = yield* weights.read(headRows, shape);
  // PEFT saves them twice where head and embedding are tied and the vocabulary was resized.
  if (!listsHead && output.data.some((value, i) => value !== input.data[i])) {
    const expected = "the embedding's, as trainable_token_indices does not list lm_head,";
    return yield* malformed(file, headRows, expected, "other rows");
  }
  return { tokens, input, output };
});
