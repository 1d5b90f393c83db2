/** Chooses the format that a model's weights are stored in on the GPU: that of its files where it fits. @module */
import { Effect } from "effect";
import type { StorageFormat } from "../weights/pack.ts";
import { type MemoryPlan, planMemory, type PlannedRun } from "./memory_plan.ts";
import { ModelError } from "./model_error.ts";
import type { OpenModel } from "./open_model.ts";
import { parameterSpecs } from "./parameter_specs.ts";

/** What is wanted, and what there is. */
export interface StorageWish {
  readonly storage: "auto" | StorageFormat;
  /** Bytes that may be filled; undefined where nobody knows. */
  readonly budget: number | undefined;
}

/** A choice, and what it takes. */
export interface StorageChoice {
  readonly storage: StorageFormat;
  readonly run: Omit<PlannedRun, "storage">;
  readonly plan: MemoryPlan;
  /** Bytes that may be filled, as far as known. */
  readonly budget: number | undefined;
}

// Where the budget is unknown, weights up to this size are worth the exactness of f32.
const smallWeights = 2 * 2 ** 30;

// That of the files, of what may be packed; undefined where there are several.
const dtypeOf = ({ architecture, shape, weights }: OpenModel): string | undefined => {
  const cuts = [{ from: 0, to: shape.vocab, packable: true }];
  const dtypes = new Set(
    parameterSpecs(architecture, shape, cuts)
      .filter(({ packable }) => packable)
      .flatMap(({ sources }) => sources.map(({ name }) => weights.describe(name)?.dtype)),
  );
  return dtypes.size === 1 ? [...dtypes][0] : undefined;
};

// By preference.
const formatsFor = (
  dtype: string | undefined,
  { lora }: Omit<PlannedRun, "storage">,
): ReadonlyArray<StorageFormat> => {
  const own = dtype === "F16" ? "f16" : "bf16";
  const exact = dtype === "F16" || dtype === "BF16";
  return exact && !lora?.dora ? [own, "q8"] : ["f32", own, "q8"];
};

/**
 * `auto` takes the format of the files, which loses nothing, for files of f32 or of several formats f32
 * where it fits and else bf16; else q8. Files of 16 bits are read as fast as f32 or faster, from half the memory; but DoRA, which
 * measures the rows of a weight in each step, has them in f32 where that fits. What is asked for by name
 * is taken. Fails with `DoesNotFit` where weights and adapter alone do not.
 */
export const chooseStorage = (
  opened: OpenModel,
  run: Omit<PlannedRun, "storage">,
  { storage: wish, budget }: StorageWish,
): Effect.Effect<StorageChoice, ModelError> => {
  const { architecture, shape } = opened;
  const choiceOf = (storage: StorageFormat): StorageChoice => ({
    storage,
    run,
    plan: planMemory(architecture, shape, { ...run, storage }),
    budget,
  });
  const wished = wish === "auto" ? formatsFor(dtypeOf(opened), run) : [wish];
  const choices = wished.map(choiceOf);
  const fitting = choices.find(({ storage, plan }) =>
    budget === undefined ? storage !== "f32" || plan.weights <= smallWeights : plan.total <= budget
  );
  const chosen = fitting ?? choices.at(-1)!;
  const { weights: held, adapter, optimizer } = chosen.plan;
  const needed = held + adapter + optimizer;
  return budget === undefined || needed <= budget || wish !== "auto"
    ? Effect.succeed(chosen)
    : Effect.fail(
      new ModelError({ reason: { _tag: "DoesNotFit", storage: chosen.storage, needed, budget } }),
    );
};
