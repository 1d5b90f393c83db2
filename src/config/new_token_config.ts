/** The token that training gives a meaning to, and what its rows begin as. @module */
import { Schema } from "effect";
import { CountOrZero, orDefault, Text } from "./field.ts";

/** How the embedding row of a new token begins. */
export type InitRecipe =
  | "normal"
  | "unit_normal"
  | "matched_normal"
  | "hewitt"
  | "mean_of_description"
  | "copy"
  | "zero";

/** Settings of the new token. */
export interface NewTokenConfig {
  /** Its text; the tokenizer finds it anywhere. */
  readonly token: string;
  /**
   * `normal`: N(0, initializer_range). `unit_normal`: N(0, 1). `matched_normal`: at the mean and
   * deviation of the trained rows. `hewitt`: at their mean, with 1e-5 of their covariance.
   * `mean_of_description`: mean row of the words of `text`. `copy`: the row of `text`. `zero`: zeros.
   */
  readonly init: InitRecipe;
  /** What `mean_of_description` and `copy` read. */
  readonly text?: string;
  /** Seed of the draws. */
  readonly seed: number;
}

/** Decodes and checks a {@linkcode NewTokenConfig}. */
export const NewTokenConfig: Schema.Codec<NewTokenConfig, Partial<NewTokenConfig>> = Schema.Struct({
  token: orDefault(Text, "<sep>"),
  init: orDefault(
    Schema.Literals([
      "normal",
      "unit_normal",
      "matched_normal",
      "hewitt",
      "mean_of_description",
      "copy",
      "zero",
    ]),
    "matched_normal",
  ),
  text: Schema.optionalKey(Text),
  seed: orDefault(CountOrZero, 42),
}).check(
  Schema.makeFilter(({ init, text }) =>
    (init !== "mean_of_description" && init !== "copy") || text !== undefined ||
    { path: ["text"], issue: `Expected the text that "${init}" reads` }
  ),
);
