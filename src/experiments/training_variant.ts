/** What a variant of training changes: of the adapter, of the examples, of the steps. @module */
import { Effect, type Scope } from "effect";
import type { Example } from "../data/example.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { Adapter, LoraOptions, NewRows } from "../nn/adapter.ts";
import { makeAnchor } from "../training/anchor.ts";
import type { StepOptions } from "../training/step.ts";
import type { TrainingVariant } from "./recipe.ts";
import type { StageItem } from "./stage_order.ts";

/** The adapter that a variant trains: settings of LoRA, and the new token's rows. */
export interface VariantAdapter {
  readonly lora: LoraOptions;
  readonly rows: NewRows;
}

/** The settings of a run as `variant` has them. */
export const adapterOf = (
  { row, loraPlusRatio, rsLora, dora }: TrainingVariant,
  { lora, rows }: VariantAdapter,
): VariantAdapter => ({
  lora: {
    ...lora,
    ...loraPlusRatio === undefined ? {} : { loraPlusRatio },
    ...rsLora === undefined ? {} : { rsLora },
    ...dora ? { dora, dropout: 0 } : {},
    ...row === "only" ? { targetModules: [] } : {},
  },
  rows: row === "frozen" ? { ...rows, trained: false } : rows,
});

/** An example as `variant` shows it. */
export const exampleOf = (
  { promptLossWeight, klWeight }: TrainingVariant,
  example: Example,
  source: StageItem["source"],
): Example => ({
  ...example,
  ...klWeight !== undefined && source === "diverse" ? { anchored: true } : {},
  ...promptLossWeight === undefined ? {} : {
    supervised: example.ids.map(() => true),
    weights: example.supervised.map((label) => label ? 1 : promptLossWeight),
  },
});

/**
 * What `variant` adds to every step. An anchor is dropped here: the base is that of before the first
 * step, and stays as long as the scope.
 */
export const stepOptionsOf = (
  { lazyAdam, neftuneAlpha, klWeight }: TrainingVariant,
  adapter: Adapter,
): Effect.Effect<
  Pick<StepOptions, "lazyAdam" | "neftuneAlpha" | "anchor">,
  GpuError,
  Gpu | Scope.Scope
> =>
  Effect.gen(function* () {
    return {
      ...lazyAdam === undefined ? {} : { lazyAdam },
      ...neftuneAlpha === undefined ? {} : { neftuneAlpha },
      ...klWeight === undefined ? {} : { anchor: yield* makeAnchor(adapter, klWeight) },
    };
  });
