/** Reads an adapter as PEFT stores it: a folder of its matrices, trained rows and configuration. @module */
import { Effect, type FileSystem, Path } from "effect";
import { refuseExtra } from "./extra_tensors.ts";
import { malformed, parseObject, readIfPresent, readJson } from "./files.ts";
import { openSafetensors } from "./model_directory.ts";
import {
  decodePeftConfig,
  decodeSidecar,
  type PeftConfig,
  trainedIds,
  type TrainedToken,
} from "./peft_config.ts";
import { matchPattern } from "./peft_patterns.ts";
import { choosesLayers, type Targets } from "./peft_targets.ts";
import {
  embeddingPath,
  embeddingRows,
  files,
  headPath,
  headRows,
  parts,
  prefix,
  tableParts,
  type Tensors,
  tensorsOf,
} from "./peft_tensors.ts";
import type { Adapter, LoraMatrices } from "./stored_adapter.ts";
import { checkShape, type HostTensor, type Weights } from "./weights.ts";
import type { WeightsError } from "./weights_error.ts";

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
