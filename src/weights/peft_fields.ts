/** Refuses what an `adapter_config.json` asks for and this folder does not do, instead of ignoring it. @module */
import { Effect } from "effect";
import { type JsonObject, malformed } from "./files.ts";
import type { WeightsError } from "./weights_error.ts";

/** Fields that are decoded, and fields that say how training began or where it looked: the tensors tell. */
const known: ReadonlySet<string> = new Set([
  ...["peft_type", "base_model_name_or_path", "r", "lora_alpha", "lora_dropout", "use_rslora"],
  ...["use_dora", "rank_pattern", "alpha_pattern", "trainable_token_indices"],
  ...["target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "task_type"],
  ...["inference_mode", "peft_version", "revision", "auto_mapping", "eva_config"],
  ...["ensure_weight_tying", "megatron_core", "qalora_group_size", "unsloth_fixed"],
]);

/** What a field should be, with the reason and the remedy. Any other field that is on is refused too. */
const expected: ReadonlyMap<string, string> = new Map([
  ["bias", '"none" (trained biases are not read)'],
  ["lora_bias", "false (trained biases are not read)"],
  [
    "modules_to_save",
    "null (whole modules are not read: train rows of the embedding by trainable_token_indices, " +
    "or merge the adapter into its base with PEFT)",
  ],
  [
    "init_lora_weights",
    "one that leaves the base as it is (PEFT converts when it saves with " +
    "path_initial_model_for_weight_conversion)",
  ],
  ["target_parameters", "null (only modules are adapted)"],
  ["fan_in_fan_out", "false (linears hold [out, in])"],
]);

/** Initial values of A and B that are gone once they are trained; the others change the base. */
const harmlessInits: ReadonlyArray<unknown> = [true, false, "gaussian", "eva", "orthogonal"];

/** Fails at the first field of `config`, in `file`, that would change what the tensors mean. */
export const refuseFields = (
  file: string,
  config: JsonObject,
): Effect.Effect<void, WeightsError> => {
  for (const [name, value] of Object.entries(config)) {
    if (known.has(name) || isOff(value)) continue;
    if (name === "bias" && value === "none") continue;
    if (name === "init_lora_weights" && harmlessInits.includes(value)) continue;
    const should = expected.get(name) ?? "null, false or empty (it is not known here)";
    return Effect.fail(malformed(file, name, should, JSON.stringify(value).slice(0, 80)));
  }
  return Effect.void;
};

/** Null, false, or an object or list without content. */
const isOff = (value: unknown): boolean =>
  value === null || value === false ||
  typeof value === "object" && Object.keys(value).length === 0;
