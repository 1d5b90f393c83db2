/** How a verb holds its model on the GPU: `--set model.…`, checked, and what the machine has. @module */
import * as Effect from "effect/Effect";
import type * as Stdio from "effect/Stdio";
import type { ConfigError } from "../config/config_error.ts";
import type { ModelConfig } from "../config/model_config.ts";
import { resolveRunConfig } from "../config/resolve.ts";
import { Gpu } from "../gpu/gpu.ts";
import type { StorageChoice } from "../models/choose_storage.ts";
import type { LoadModelOptions } from "../models/load_model.ts";
import { availableMemory } from "../platform.ts";
import { memoryLines, type MemorySettings } from "../report/memory_text.ts";
import { progressOnStderr } from "./progress_bar.ts";
import { type UsageError, usageError } from "./usage_error.ts";

/** The settings of `--set model.path=value`, each of which must be one of the model's. */
export const modelSettings = (
  verb: string,
  set: ReadonlyArray<string>,
): Effect.Effect<LoadModelOptions, ConfigError | UsageError, Gpu | Stdio.Stdio> =>
  Effect.gen(function* () {
    const other = set.find((setting) => !/^model\.(storage|positions|memory)=/.test(setting));
    if (other !== undefined) {
      const known = "model.storage, model.positions and model.memory";
      return yield* usageError(verb, `--set: ${other} does not apply; this verb has ${known}`);
    }
    const { model } = yield* resolveRunConfig({ set });
    return yield* loadOptions(model);
  });

/**
 * {@linkcode LoadModelOptions} of a config; the choice is said on stderr before anything is uploaded,
 * and which of `settings` would take less.
 */
export const loadOptions = (
  model: ModelConfig,
  settings?: MemorySettings,
): Effect.Effect<LoadModelOptions, never, Gpu | Stdio.Stdio> =>
  Effect.gen(function* () {
    const progress = yield* progressOnStderr;
    const budget = yield* memoryBudget(model);
    return {
      storage: model.storage,
      ...budget === undefined ? {} : { budget },
      ...model.positions === undefined ? {} : { positions: model.positions },
      onPlan: (choice: StorageChoice) =>
        Effect.sync(() => memoryLines(choice, settings).forEach(progress.say)),
    };
  });

/** Bytes that may be filled: what the config says, or most of what a software adapter has. */
export const memoryBudget = (
  { memory }: ModelConfig,
): Effect.Effect<number | undefined, never, Gpu> =>
  Effect.gen(function* () {
    if (memory !== undefined) return memory * 2 ** 30;
    const { adapter } = yield* Gpu;
    const available = adapter.software ? availableMemory() : undefined;
    return available === undefined ? undefined : 0.9 * available;
  });
