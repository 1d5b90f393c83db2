/** Gives a verb's work the machine's GPU. @module */
import * as Effect from "effect/Effect";
import { type Gpu, type GpuError, layer } from "../gpu/gpu.ts";
import type { Run } from "./verb.ts";

/** `run` with the best adapter of this machine, opened when it runs. */
export const onGpu =
  <Options, E, R>(run: Run<Options, E, R>): Run<Options, E | GpuError, Exclude<R, Gpu>> =>
  (options) => Effect.provide(run(options), layer);
