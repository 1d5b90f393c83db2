/** The work behind `tune`: the products of a model, their measurements, and the file of this adapter. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import type { ConfigError } from "../config/config_error.ts";
import type { RunConfig } from "../config/run_config.ts";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import type { AskedProduct } from "../gpu/tuning.ts";
import type { HubError } from "../hub/hub_error.ts";
import { chooseStorage } from "../models/choose_storage.ts";
import type { ModelError } from "../models/model_error.ts";
import { openModel } from "../models/open_model.ts";
import { tuningTable } from "../report/tuning_table.ts";
import { kernelsVersion } from "../tuning/kernels_version.ts";
import { modelProducts } from "../tuning/model_products.ts";
import { classOf } from "../tuning/product_class.ts";
import { type TunedProduct, type TuneOptions, tuneProduct } from "../tuning/tune_product.ts";
import { identityOf, readTuning, tuningFile, writeTuning } from "../tuning/tuning_file.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { resolveOptions } from "./config_options.ts";
import { memoryBudget } from "./model_settings.ts";
import { resolveModel } from "./model_source.ts";
import { plannedRun } from "./open_base.ts";
import { progressOnStderr } from "./progress_bar.ts";
import type { TuneVerbOptions } from "./tune.ts";

/** What `tune --json` prints. */
export interface TuneDocument {
  readonly adapter: string;
  readonly file: string;
  readonly products: ReadonlyArray<TunedProduct>;
}

/** How a run of `tune` may differ. */
export interface TuneSetting {
  /** Long enough, unless told, that a wait for the device, which is subtracted, is a small part. */
  readonly effort?: TuneOptions;
  /** Variables that say where the cache is; those of the process unless told. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Measures the products of the config's model on the open GPU and adds them to the adapter's file, which
 * starts anew where it is of other kernels.
 */
export const runTune = (
  { preset, config, set, model }: TuneVerbOptions,
  { effort = { rounds: 5, seconds: 0.05 }, environment = Deno.env.toObject() }: TuneSetting = {},
): Effect.Effect<
  { readonly text: string; readonly document: TuneDocument },
  ConfigError | HubError | WeightsError | ModelError | GpuError,
  Gpu | FileSystem.FileSystem | Path.Path | Stdio.Stdio
> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const asked = yield* resolveOptions({ preset, config, set, model });
    const { directory } = yield* resolveModel(asked.model.source);
    const products = yield* productsOf(directory, asked);
    const file = yield* tuningFile(environment, gpu.adapter);
    const progress = yield* progressOnStderr;
    const part = progress.begin("tune", products.length, "classes of products");
    const tuned: TunedProduct[] = [];
    for (const product of products) {
      const one = yield* tuneProduct(product, effort);
      yield* remember(file, one); // so that an interruption loses nothing
      tuned.push(one);
      part.advance(tuned.length, `${one.class}: ${one.configuration}`);
    }
    part.end("");
    return {
      text: `${tuningTable(tuned)}\n\nRemembered in ${file}`,
      document: { adapter: gpu.adapter.name, file, products: tuned },
    };
  }));

// Sequences are ragged and mostly shorter than the longest: whole micro-batches, and quarters.
const productsOf = (directory: string, config: RunConfig) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const opened = yield* openModel(directory);
    const run = plannedRun(config, opened.shape);
    const wish = { storage: config.model.storage, budget: yield* memoryBudget(config.model) };
    const { storage } = yield* chooseStorage(opened, run, wish);
    const { batchSize, gradientCheckpointing } = config.training;
    const longest = run.trainedTokens / batchSize;
    const byClass = new Map<string, AskedProduct>();
    for (const share of [1, 4]) {
      const length = Math.max(2, Math.floor(longest / share));
      const products = yield* modelProducts(opened, gpu.adapter, {
        ...{ storage, length, gradientCheckpointing },
        lora: config.lora,
        sequences: batchSize,
        slots: config.sampling.batchSize,
      });
      for (const product of products) {
        const key = classOf(product);
        if (!byClass.has(key)) byClass.set(key, product);
      }
    }
    return [...byClass.values()].toSorted((one, other) =>
      `${one.layout} ${one.format}`.localeCompare(`${other.layout} ${other.format}`) ||
      one.rows - other.rows || one.cols - other.cols || one.depth - other.depth
    );
  });

const remember = (
  file: string,
  { class: key, configuration, builtIn, gflops, gain }: TunedProduct,
) =>
  Effect.gen(function* () {
    const { adapter } = yield* Gpu;
    const identity = identityOf(adapter);
    const before = yield* readTuning(file, identity, kernelsVersion);
    yield* writeTuning(file, {
      adapter: identity,
      kernels: yield* kernelsVersion,
      products: {
        ...before._tag === "Read" ? before.products : {},
        [key]: { configuration, builtIn, gflops, gain },
      },
    });
  });
