/** The base model of a run: where it comes from, and how it is held on the GPU. @module */
import { Schema } from "effect";
import type { StorageFormat } from "../weights/pack.ts";
import { Count, orDefault, Positive, Text } from "./field.ts";

/** The base model that the project ships, by its place in the repository: that of presets and defaults. */
export const shippedBase = "fixtures/base";

/** Settings of the base model. */
export interface ModelConfig {
  /** Directory as Hugging Face writes it, or a hub id, `org/name` or `org/name@revision`. */
  readonly source: string;
  /**
   * Format of linears and tables on the GPU. `auto`: as the files have it, f32 where that fits; else bf16,
   * else q8. f16 and bf16 take half the memory of f32, q8 a little more than a quarter.
   */
  readonly storage: "auto" | StorageFormat;
  /** Longest sequence in tokens that the model is prepared for. Absent: its own longest, at most 16,384. */
  readonly positions?: number;
  /** GPU memory in GiB that `auto` may fill. Absent: what the machine says, where it says it. */
  readonly memory?: number;
}

/** Decodes and checks a {@linkcode ModelConfig}. */
export const ModelConfig: Schema.Codec<ModelConfig, Partial<ModelConfig>> = Schema.Struct({
  source: orDefault(Text, shippedBase),
  storage: orDefault(Schema.Literals(["auto", "f32", "f16", "bf16", "q8"]), "auto"),
  positions: Schema.optionalKey(Count),
  memory: Schema.optionalKey(Positive),
});
