/** How downstream data and diverse data are put in one order. @module */
import { Schema } from "effect";
import { CountOrZero, orDefault, PositiveOrZero } from "./field.ts";

/** Names of the mixing strategies, one file each in `src/delia/mixing`. */
export type MixingStrategy = "delia" | "interleave" | "downstream_only";

/** Settings of the mix. */
export interface MixingConfig {
  /**
   * `delia`: both shuffled together. `interleave`: each downstream example, then its diverse ones.
   * `downstream_only`: no diverse data, the baseline.
   */
  readonly strategy: MixingStrategy;
  /** Diverse examples a downstream example; the run gets (1 + ratio) times as long. */
  readonly diverseRatio: number;
  /** Seed of the shuffle (numpy's PCG64 permutation, as the reference's data library draws it). */
  readonly shuffleSeed: number;
}

/** Decodes and checks a {@linkcode MixingConfig}. */
export const MixingConfig: Schema.Codec<MixingConfig, Partial<MixingConfig>> = Schema.Struct({
  strategy: orDefault(Schema.Literals(["delia", "interleave", "downstream_only"]), "delia"),
  diverseRatio: orDefault(PositiveOrZero, 100),
  shuffleSeed: orDefault(CountOrZero, 42),
});
