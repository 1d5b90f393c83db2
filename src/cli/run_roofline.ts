/** What `report --roofline` measures: a training step as the settings of a run ask for it. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import type { ReadRun } from "../experiments/read_run.ts";
import { Gpu, type GpuError, layer } from "../gpu/gpu.ts";
import type { HubError } from "../hub/hub_error.ts";
import { chooseStorage } from "../models/choose_storage.ts";
import type { ModelError } from "../models/model_error.ts";
import { openModel } from "../models/open_model.ts";
import { measureStep, type Roofline } from "../roofline/measure_step.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { memoryBudget } from "./model_settings.ts";
import { resolveModel } from "./model_source.ts";
import { plannedRun } from "./open_base.ts";
import { rememberedTuning } from "./tuned_gpu.ts";

// A step on a software driver takes a tenth of a second to seconds; the median of so many is steady.
const rounds = 9;

/** Measures a step of the run's model and adapter on a batch of the run's size, without touching the run. */
export const measureRun = (
  run: ReadRun,
): Effect.Effect<
  Roofline,
  HubError | WeightsError | ModelError | GpuError,
  FileSystem.FileSystem | Path.Path | Stdio.Stdio
> =>
  Effect.scoped(Effect.gen(function* () {
    const { model, lora, optimizer, training } = run.config;
    const { directory, name } = yield* resolveModel(model.source);
    const { architecture, shape, weights, ...opened } = yield* openModel(directory);
    const planned = plannedRun(run.config, shape);
    const { budget, tuning } = yield* Effect.provide(
      Effect.all({
        budget: memoryBudget(model),
        tuning: Effect.flatMap(
          Gpu,
          ({ adapter }) => rememberedTuning(adapter, Deno.env.toObject()),
        ),
      }),
      layer,
    );
    const { storage } = yield* chooseStorage(
      { architecture, shape, weights, ...opened },
      planned,
      { storage: model.storage, budget },
    );
    const longest = planned.trainedTokens / training.batchSize;
    return yield* measureStep(
      {
        ...{ name, architecture, shape, weights, storage, lora, optimizer },
        gradientCheckpointing: training.gradientCheckpointing,
        sequences: training.batchSize,
        length: Math.min(longest, Math.max(2, Math.round(meanLength(run) ?? longest))),
      },
      rounds,
      tuning,
    );
  }));

// Tokens of a sequence as the run trained on them; undefined where it took no step.
const meanLength = (run: ReadRun): number | undefined => {
  const { batchSize, accumulationSteps } = run.config.training;
  const [tokens, steps] = run.kind === "train"
    ? [sum(run.metrics.map(({ tokens }) => tokens)), run.metrics.length]
    : [sum(run.records.map(({ tokens }) => tokens)), sum(run.records.map(({ steps }) => steps))];
  return steps === 0 ? undefined : tokens / steps / (batchSize * accumulationSteps);
};

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((all, one) => all + one, 0);
