/** The machine's GPU as verbs get it: with what `tune` has measured on it. @module */
import * as Console from "effect/Console";
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import * as Layer from "effect/Layer";
import type * as Path from "effect/Path";
import { type AdapterFacts, Gpu, type GpuError, layer } from "../gpu/gpu.ts";
import { type Tuning, withTuning } from "../gpu/tuning.ts";
import { kernelsVersion } from "../tuning/kernels_version.ts";
import { identityOf, readTuning, tuningFile, tuningOf } from "../tuning/tuning_file.ts";

/** What the file of `adapter` remembers; one line on stderr where there is a file. */
export const rememberedTuning = (
  adapter: AdapterFacts,
  environment: Readonly<Record<string, string | undefined>>,
): Effect.Effect<Tuning | undefined, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const file = yield* tuningFile(environment, adapter);
    const found = yield* readTuning(file, identityOf(adapter), kernelsVersion);
    switch (found._tag) {
      case "None":
        return undefined;
      case "Ignored":
        yield* Console.error(`Warning: ${found.why}`);
        return undefined;
      case "Read": {
        const count = Object.keys(found.products).length;
        const classes = count === 1 ? "1 class" : `${count} classes`;
        yield* Console.error(`Matrix products as measured on this adapter: ${classes}, ${file}`);
        return tuningOf(found.products);
      }
    }
  });

/** `gpu` with what its adapter's file remembers. */
export const remembered = (
  gpu: Gpu,
  environment: Readonly<Record<string, string | undefined>>,
): Effect.Effect<Gpu, never, FileSystem.FileSystem | Path.Path> =>
  Effect.map(
    rememberedTuning(gpu.adapter, environment),
    (tuning) => tuning ? withTuning(gpu, tuning) : gpu,
  );

/** The best adapter of this machine with what is remembered of it. */
export const tunedLayer: Layer.Layer<Gpu, GpuError, FileSystem.FileSystem | Path.Path> = Layer
  .effect(Gpu, Effect.flatMap(Gpu, (gpu) => remembered(gpu, Deno.env.toObject())))
  .pipe(Layer.provide(layer));
