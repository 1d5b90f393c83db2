/** Gives a verb's work the machine's GPU. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import { type Gpu, type GpuError, layer } from "../gpu/gpu.ts";
import { tunedLayer } from "./tuned_gpu.ts";
import type { Run } from "./verb.ts";

/** `run` with the best adapter of this machine, opened when it runs, and what `tune` measured on it. */
export const onGpu = <Options, E, R>(
  run: Run<Options, E, R>,
): Run<Options, E | GpuError, Exclude<R, Gpu> | FileSystem.FileSystem | Path.Path> =>
(options) => Effect.provide(run(options), tunedLayer);

/** `run` with the adapter alone. */
export const onUntunedGpu =
  <Options, E, R>(run: Run<Options, E, R>): Run<Options, E | GpuError, Exclude<R, Gpu>> =>
  (options) => Effect.provide(run(options), layer);
