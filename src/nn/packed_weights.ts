/** Weights in a packed format, laid out in arenas. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, sizeOf } from "../gpu/gpu.ts";
import { blockElements, elementsPerWord, pack, type PackedFormat } from "../weights/pack.ts";
import { WeightsError } from "../weights/weights_error.ts";
import { allocateArenas, windowOf } from "./arenas.ts";
import type { ParameterSpec, Weight } from "./parameters.ts";

/**
 * Lays out `specs` on the GPU in `format`, in order, with `initial` values (row-major, f32). One
 * weight's values are in host memory at a time. Fails with `OutOfRange` for a value that the format
 * cannot hold.
 */
export const allocatePacked = <E, Spec extends ParameterSpec>(
  specs: ReadonlyArray<Spec>,
  initial: (spec: Spec) => Effect.Effect<Float32Array, E>,
  format: PackedFormat,
): Effect.Effect<
  ReadonlyMap<string, Weight>,
  GpuError | WeightsError | E,
  Gpu | Scope.Scope
> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const weights = new Map<string, Weight>();
    const wordsOf = ({ shape }: Spec): number => Math.ceil(sizeOf(shape) / elementsPerWord[format]);
    const scalesOf = ({ shape }: Spec): number =>
      format === "q8" ? Math.ceil(sizeOf(shape) / blockElements) : 0;
    // A weight's words and, where it has them, its scales lie side by side.
    const sizes = specs.flatMap((spec) => [wordsOf(spec), scalesOf(spec)]);
    const places = new Map(
      (yield* allocateArenas(sizes)).flatMap(({ arena, places }) =>
        places.map(({ index, at }) => [index, { arena, at }] as const)
      ),
    );
    for (const [index, spec] of specs.entries()) {
      const { name, shape } = spec;
      const data = yield* initial(spec);
      const packed = yield* Effect.fromResult(pack(data, format)).pipe(
        Effect.mapError((reason) => new WeightsError({ reason: { ...reason, tensor: name } })),
      );
      const place = places.get(2 * index)!;
      const words = windowOf(place.arena, place.at, [packed.words.length], "u32");
      yield* gpu.write(words, packed.words);
      const scales = packed.scales && places.get(2 * index + 1)!;
      const onScales = scales && windowOf(scales.arena, scales.at, [packed.scales!.length]);
      if (onScales) yield* gpu.write(onScales, packed.scales!);
      weights.set(name, {
        name,
        value: { format, shape, words, ...onScales ? { scales: onScales } : {} },
      });
    }
    return weights;
  });
