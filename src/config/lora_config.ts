/** Which linears get low-rank matrices, and how large. @module */
import { Schema } from "effect";
import { Count, Fraction, orDefault, Positive } from "./field.ts";

/**
 * The linears of a decoder layer, by their Hugging Face names; `embed_tokens` is the embedding, whose
 * LoRA goes with no rows of new tokens.
 */
export type TargetModule =
  | "q_proj"
  | "k_proj"
  | "v_proj"
  | "o_proj"
  | "gate_proj"
  | "up_proj"
  | "down_proj"
  | "embed_tokens";

/** Settings of the adapter. */
export interface LoraConfig {
  /** Rows of A and columns of B; memory and adapter size grow with it. */
  readonly rank: number;
  /** B·A is scaled by alpha / rank; equal to rank: scale 1. */
  readonly alpha: number;
  /** Chance in [0, 1) that an input of A is dropped in training. */
  readonly dropout: number;
  /** The adapted linears; attention alone costs about a third of all seven. */
  readonly targetModules: ReadonlyArray<TargetModule>;
  /** Scale by alpha / √rank instead: keeps high ranks learning. */
  readonly rsLora: boolean;
  /**
   * Train the length of each adapted row of the weights too (DoRA, arXiv 2402.09353). A micro-batch
   * takes as long as one of `rank` tokens more, and memory for what each adapted linear puts out once
   * again. Goes with no dropout, and with no LoRA on the embedding.
   */
  readonly dora: boolean;
}

/** Decodes and checks a {@linkcode LoraConfig}. */
export const LoraConfig: Schema.Codec<LoraConfig, Partial<LoraConfig>> = Schema.Struct({
  rank: orDefault(Count, 16),
  alpha: orDefault(Positive, 16),
  dropout: orDefault(Fraction, 0.05),
  targetModules: orDefault(
    Schema.Array(Schema.Literals([
      "q_proj",
      "k_proj",
      "v_proj",
      "o_proj",
      "gate_proj",
      "up_proj",
      "down_proj",
      "embed_tokens",
    ])).check(Schema.isNonEmpty(), Schema.isUnique()),
    ["q_proj", "k_proj", "v_proj", "o_proj"],
  ),
  rsLora: orDefault(Schema.Boolean, false),
  dora: orDefault(Schema.Boolean, false),
}).check(
  Schema.makeFilter(({ dora, dropout }) =>
    !dora || dropout === 0 ||
    { path: ["dropout"], issue: `Expected 0 with lora.dora, got ${dropout}` }
  ),
  Schema.makeFilter(({ dora, targetModules }) =>
    !dora || !targetModules.includes("embed_tokens") ||
    { path: ["targetModules"], issue: "Expected no embed_tokens with lora.dora" }
  ),
);
