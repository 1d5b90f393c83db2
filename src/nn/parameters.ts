/** Parameters: named windows of a few large buffers, so that one dispatch updates them all. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Stored } from "../ops/unpack.ts";
import { allocateArenas, windowOf } from "./arenas.ts";

/** A weight and, when it is trained, its gradient. Gradients accumulate (+=) until the update. */
export interface Parameter {
  readonly name: string;
  readonly value: Tensor;
  readonly gradient?: Tensor;
}

/** A {@linkcode Parameter} whose values may be packed; those are never trained. */
export interface Weight {
  readonly name: string;
  readonly value: Stored;
  readonly gradient?: Tensor;
}

/** What {@linkcode allocateParameters} needs to know of one parameter. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: ReadonlyArray<number>;
  /** Factor of the run's learning rate; 1 unless told. */
  readonly rateFactor?: number;
}

/** Everything AdamW keeps of a run of parameters: flat tensors of one length. */
export interface Arena {
  readonly value: Tensor;
  readonly gradient?: Tensor;
  readonly first?: Tensor;
  readonly second?: Tensor;
  /** Factor of the run's learning rate. */
  readonly rateFactor: number;
}

/** Parameters by name, and the flat memory they live in. */
export interface Parameters {
  readonly byName: ReadonlyMap<string, Parameter>;
  readonly arenas: ReadonlyArray<Arena>;
  /** Elements of all parameters, without the padding between them. */
  readonly count: number;
}

/**
 * Lays out `specs` on the GPU, in order, those of one learning rate together, with `initial` values
 * (row-major, f32); with gradients and zeroed AdamW moments when `trainable`. One parameter's values are in host memory at a time.
 */
export const allocateParameters = <E, Spec extends ParameterSpec>(
  all: ReadonlyArray<Spec>,
  initial: (spec: Spec) => Effect.Effect<Float32Array, E>,
  trainable: boolean,
): Effect.Effect<Parameters, GpuError | E, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const byName = new Map<string, Parameter>();
    const arenas: Arena[] = [];
    for (const { arena, places, rateFactor, specs } of yield* arenasByRate(all)) {
      const zeros = new Float32Array(trainable ? sizeOf(arena.shape) : 0);
      const zeroed = () => gpu.upload(zeros, arena.shape);
      if (trainable) yield* gpu.write(arena, zeros); // padding is part of a checkpoint
      const own: Arena = {
        value: arena,
        rateFactor,
        ...trainable
          ? { gradient: yield* zeroed(), first: yield* zeroed(), second: yield* zeroed() }
          : {},
      };
      arenas.push(own);
      for (const { index, at } of places) {
        const spec = specs[index]!;
        const value = windowOf(arena, at, spec.shape);
        yield* gpu.write(value, yield* initial(spec));
        byName.set(spec.name, {
          name: spec.name,
          value,
          ...own.gradient ? { gradient: windowOf(own.gradient, at, spec.shape) } : {},
        });
      }
    }
    const count = all.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    return { byName, arenas, count };
  });

// One arena has one learning rate, so that one dispatch updates it.
const arenasByRate = <Spec extends ParameterSpec>(all: ReadonlyArray<Spec>) =>
  Effect.map(
    Effect.forEach(
      Map.groupBy(all, ({ rateFactor = 1 }) => rateFactor),
      ([rateFactor, specs]) =>
        Effect.map(
          allocateArenas(specs.map(({ shape }) => sizeOf(shape))),
          (arenas) => arenas.map((arena) => ({ ...arena, rateFactor, specs })),
        ),
    ),
    (groups) => groups.flat(),
  );

/** The parameter called `name`; a missing one is a bug in the architecture. */
export const parameter = (parameters: Parameters, name: string): Parameter => {
  const found = parameters.byName.get(name);
  if (!found) throw new Error(`Expected a parameter named ${name}`);
  return found;
};

/** Copies every parameter to the host, row-major. */
export const downloadParameters = (
  parameters: Parameters,
): Effect.Effect<ReadonlyMap<string, Float32Array>, GpuError, Gpu> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const values = new Map<string, Float32Array>();
    for (const { value } of parameters.arenas) {
      const data = yield* gpu.download(value);
      for (const { name, value: { buffer, offset, shape } } of parameters.byName.values()) {
        if (buffer !== value.buffer) continue;
        const from = (offset - value.offset) / 4;
        values.set(name, data.slice(from, from + sizeOf(shape)));
      }
    }
    return values;
  });

/** Sets AdamW's moments to zero: an optimizer that starts afresh. */
export const resetMoments = (
  { arenas }: Parameters,
): Effect.Effect<void, GpuError, Gpu> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    for (const moment of arenas.flatMap(({ first, second }) => [first, second])) {
      if (moment) yield* gpu.write(moment, new Float32Array(sizeOf(moment.shape)));
    }
  });
