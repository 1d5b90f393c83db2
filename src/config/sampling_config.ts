/** How the model answers when it makes its own diverse data. @module */
import { Schema } from "effect";
import { Count, CountOrZero, orDefault, PositiveOrZero, Share, Text } from "./field.ts";

/** What stands before the question when the model answers it. */
export type PromptMode = "repeat" | "none" | "using" | "refer";

/** Every prompt mode. */
export const promptModes: readonly [PromptMode, ...ReadonlyArray<PromptMode>] = [
  ...["repeat", "none", "using", "refer"] as const,
];

/** Settings of self-sampling. */
export interface SamplingConfig {
  /** Divides the logits; 0 is greedy. */
  readonly temperature: number;
  /** Draw from the fewest tokens that hold this share of the probability, in (0, 1]. */
  readonly topP: number;
  /** Tokens an answer may have; longer ones are left out. Time grows with it. */
  readonly maxNewTokens: number;
  /**
   * `repeat`: ask again after the reference answer, as the method does; `none`: just ask; `using` and
   * `refer`: show the reference in the question and ask for words of the model's own (SDFT, arXiv
   * 2402.13669). A question without reference is just asked.
   */
  readonly promptMode: PromptMode;
  /** System message that questions are asked with; no part of the sample. */
  readonly system?: string;
  /** What is cut off the start of an answer: its white space, or two characters whatever they are. */
  readonly trim: "white_space" | "two_characters";
  /** Prompts answered at once; GPU memory grows with it. */
  readonly batchSize: number;
  /** Seed of the draws; each item's own seed follows from it and the item's index. */
  readonly seed: number;
}

/** Decodes and checks a {@linkcode SamplingConfig}. */
export const SamplingConfig: Schema.Codec<SamplingConfig, Partial<SamplingConfig>> = Schema.Struct({
  temperature: orDefault(PositiveOrZero, 0.7),
  topP: orDefault(Share, 0.95),
  maxNewTokens: orDefault(Count, 512),
  promptMode: orDefault(Schema.Literals(promptModes), "repeat"),
  system: Schema.optionalKey(Text),
  trim: orDefault(Schema.Literals(["white_space", "two_characters"]), "white_space"),
  batchSize: orDefault(Count, 32),
  seed: orDefault(CountOrZero, 42),
});
