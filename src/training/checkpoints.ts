/** Checkpoints: everything that a resumed run needs to go on as if it had never stopped. @module */
import { Context, Effect, FileSystem, Layer, Path, Ref } from "effect";
import { writeWhole } from "../files/write_whole.ts";
import { Gpu, type GpuError, sizeOf } from "../gpu/gpu.ts";
import type { Parameters } from "../nn/parameters.ts";
import { openSafetensors } from "../weights/model_directory.ts";
import { encodeSafetensors } from "../weights/safetensors.ts";
import type { HostTensor } from "../weights/weights.ts";
import { WeightsError } from "../weights/weights_error.ts";

/** The state behind optimizer step `step`. */
export interface Checkpoint {
  /** Optimizer steps done. */
  readonly step: number;
  /** Values and AdamW moments of each arena. */
  readonly tensors: Readonly<Record<string, HostTensor>>;
}

/** Keeps the newest checkpoint of a run. */
export interface Checkpoints {
  /** Stores `checkpoint` whole or not at all. */
  readonly save: (checkpoint: Checkpoint) => Effect.Effect<void, WeightsError>;
  /** The newest one, or undefined where the run has none. */
  readonly latest: Effect.Effect<Checkpoint | undefined, WeightsError>;
}

/** Key of the {@linkcode Checkpoints} service. */
export const Checkpoints: Context.Service<Checkpoints, Checkpoints> = Context.Service(
  "delia/training/Checkpoints",
);

/** Keeps the newest checkpoint in memory. */
export const layerMemory: Layer.Layer<Checkpoints> = Layer.effect(
  Checkpoints,
  Effect.map(Ref.make<Checkpoint | undefined>(undefined), (held) => ({
    save: (checkpoint) => Ref.set(held, checkpoint),
    latest: Ref.get(held),
  })),
);

const state = ["value", "first", "second"] as const;

/** Copies the trained parameters and their moments to the host. */
export const takeCheckpoint = (
  parameters: Parameters,
  step: number,
): Effect.Effect<Checkpoint, GpuError, Gpu> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const tensors: Record<string, HostTensor> = {};
    for (const [index, arena] of parameters.arenas.entries()) {
      for (const part of state) {
        const tensor = arena[part];
        if (!tensor) continue;
        tensors[`arena.${index}.${part}`] = {
          shape: tensor.shape,
          data: yield* gpu.download(tensor),
        };
      }
    }
    return { step, tensors };
  });

/** Overwrites the trained parameters and their moments with those of `checkpoint`. */
export const restoreCheckpoint = (
  parameters: Parameters,
  { tensors }: Checkpoint,
): Effect.Effect<void, GpuError | WeightsError, Gpu> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    for (const [index, arena] of parameters.arenas.entries()) {
      for (const part of state) {
        const tensor = arena[part];
        if (!tensor) continue;
        const name = `arena.${index}.${part}`;
        const stored = tensors[name];
        if (!stored || stored.data.length !== sizeOf(tensor.shape)) {
          return yield* new WeightsError({
            reason: {
              _tag: "ShapeMismatch",
              tensor: name,
              expected: tensor.shape,
              actual: stored?.shape ?? [],
            },
          });
        }
        yield* gpu.write(tensor, stored.data);
      }
    }
  });

const newest = "latest.safetensors";
const stepKey = "step";

/** Keeps the newest checkpoint of a run in `directory`, as one safetensors file. */
export const layerDirectory = (
  directory: string,
): Layer.Layer<Checkpoints, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    Checkpoints,
    Effect.gen(function* () {
      const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>();
      const fs = yield* FileSystem.FileSystem;
      const path = yield* Path.Path;
      const file = path.join(directory, newest);
      const unwritable = (cause: { readonly message: string }) =>
        new WeightsError({ reason: { _tag: "Unreadable", file, problem: cause.message } });
      return {
        save: ({ step, tensors }) =>
          Effect.gen(function* () {
            yield* Effect.mapError(fs.makeDirectory(directory, { recursive: true }), unwritable);
            const steps = { shape: [1], data: Float32Array.of(step) };
            const bytes = encodeSafetensors({ ...tensors, [stepKey]: steps });
            yield* Effect.mapError(writeWhole(file, bytes), unwritable);
          }).pipe(Effect.provideContext(services)),
        latest: Effect.scoped(Effect.gen(function* () {
          const exists = yield* Effect.mapError(fs.exists(file), unwritable);
          if (!exists) return undefined;
          const stored = yield* openSafetensors(file);
          const tensors: Record<string, HostTensor> = {};
          for (const name of stored.names) tensors[name] = yield* stored.read(name);
          const { [stepKey]: steps, ...arenas } = tensors;
          return { step: steps?.data[0] ?? 0, tensors: arenas };
        })).pipe(Effect.provideContext(services)),
      };
    }),
  );
