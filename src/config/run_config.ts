/** The whole of a run: what `config.json` of a run folder holds. @module */
import { Schema } from "effect";
import { DataConfig } from "./data_config.ts";
import { Count, orDefault, Text } from "./field.ts";
import { LoraConfig } from "./lora_config.ts";
import { MixingConfig } from "./mixing_config.ts";
import { ModelConfig } from "./model_config.ts";
import { NewTokenConfig } from "./new_token_config.ts";
import { OptimizerConfig } from "./optimizer_config.ts";
import { SamplingConfig } from "./sampling_config.ts";
import { TrainingConfig } from "./training_config.ts";

/** Names of the training recipes that a run compares. */
export type ArmName =
  | "base"
  | "common_one_epoch"
  | "common_matched_steps"
  | "one_phrasing_diverse"
  | "delia";

/** Every arm, in the order of the result table. */
export const armNames: readonly [ArmName, ...ReadonlyArray<ArmName>] = [
  "base",
  "common_one_epoch",
  "common_matched_steps",
  "one_phrasing_diverse",
  "delia",
];

/** Settings of a run. */
export interface RunConfig {
  readonly model: ModelConfig;
  /** Folder of a trained adapter to start from. Absent: a fresh one. */
  readonly initAdapter?: string;
  /** The recipes to train and compare; time grows with each. */
  readonly arms: ReadonlyArray<ArmName>;
  /** Repetitions, with seeds `training.seed`, + 1, …; time grows with each. */
  readonly seeds: number;
  readonly data: DataConfig;
  readonly newToken: NewTokenConfig;
  readonly sampling: SamplingConfig;
  readonly mixing: MixingConfig;
  readonly lora: LoraConfig;
  readonly optimizer: OptimizerConfig;
  readonly training: TrainingConfig;
}

/** What a preset or a config file may hold: any part of a {@linkcode RunConfig}. */
export interface RunConfigInput {
  /** Alone, a text is the model's `source`. */
  readonly model?: string | Partial<ModelConfig>;
  readonly initAdapter?: string;
  readonly arms?: ReadonlyArray<ArmName>;
  readonly seeds?: number;
  readonly data?: Partial<DataConfig>;
  readonly newToken?: Partial<NewTokenConfig>;
  readonly sampling?: Partial<SamplingConfig>;
  readonly mixing?: Partial<MixingConfig>;
  readonly lora?: Partial<LoraConfig>;
  readonly optimizer?: Partial<OptimizerConfig>;
  readonly training?: Partial<TrainingConfig>;
}

/** A {@linkcode RunConfigInput} whose model is an object: what {@linkcode spellOut} gives. */
export type SpelledOut = Omit<RunConfigInput, "model"> & { readonly model?: Partial<ModelConfig> };

/** Puts a model that is given as a text alone into its object. */
export const spellOut = (
  settings: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> =>
  typeof settings["model"] === "string"
    ? { ...settings, model: { source: settings["model"] } }
    : settings;

/** Decodes and checks a {@linkcode RunConfig}. */
export const RunConfig: Schema.Codec<RunConfig, SpelledOut> = Schema.Struct({
  model: orDefault(ModelConfig, {}),
  initAdapter: Schema.optionalKey(Text),
  arms: orDefault(
    Schema.Array(Schema.Literals(armNames)).check(Schema.isNonEmpty(), Schema.isUnique()),
    armNames,
  ),
  seeds: orDefault(Count, 1),
  data: orDefault(DataConfig, {}),
  newToken: orDefault(NewTokenConfig, {}),
  sampling: orDefault(SamplingConfig, {}),
  mixing: orDefault(MixingConfig, {}),
  lora: orDefault(LoraConfig, {}),
  optimizer: orDefault(OptimizerConfig, {}),
  training: orDefault(TrainingConfig, {}),
}).check(
  Schema.makeFilter(({ data: { anchor }, newToken: { token } }) =>
    anchor?.includes(token) !== true ||
    { path: ["data", "anchor"], issue: `Expected a text without ${token}: prompts ask for that` }
  ),
  Schema.makeFilter(({ lora: { targetModules } }) =>
    !targetModules.includes("embed_tokens") ||
    {
      path: ["lora", "targetModules"],
      issue: "Expected no embed_tokens: PEFT has no LoRA on an embedding with rows of new tokens",
    }
  ),
);
