/** Writes an adapter as PEFT stores it: a folder of its matrices, trained rows and configuration. @module */
import { Effect, type FileSystem, Path } from "effect";
import { writeWhole } from "../files/write_whole.ts";
import { formatJson, refuse, writeFiles } from "./files.ts";
import type { PeftConfig } from "./peft_config.ts";
import type { Targets } from "./peft_targets.ts";
import { files, modulesOf, tensorsOf } from "./peft_tensors.ts";
import { encodeSafetensors } from "./safetensors.ts";
import type { Adapter } from "./stored_adapter.ts";
import type { WeightsError } from "./weights_error.ts";

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
    const file = path.join(directory, files.weights);
    yield* writeWhole(file, encodeSafetensors(tensors)).pipe(refuse(file));
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
