/** Parameters: named windows of a few large buffers, so that one dispatch updates them all. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, sizeOf, type Tensor } from "../gpu/gpu.ts";

/** A weight and, when it is trained, its gradient. Gradients accumulate (+=) until the update. */
export interface Parameter {
  readonly name: string;
  readonly value: Tensor;
  readonly gradient?: Tensor;
}

/** What {@linkcode allocateParameters} needs to know of one parameter. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: ReadonlyArray<number>;
}

/** Everything AdamW keeps of a run of parameters: flat tensors of one length. */
export interface Arena {
  readonly value: Tensor;
  readonly gradient?: Tensor;
  readonly first?: Tensor;
  readonly second?: Tensor;
}

/** Parameters by name, and the flat memory they live in. */
export interface Parameters {
  readonly byName: ReadonlyMap<string, Parameter>;
  readonly arenas: ReadonlyArray<Arena>;
  /** Elements of all parameters, without the padding between them. */
  readonly count: number;
}

const alignment = 64; // elements: a window starts at a multiple of 256 bytes

const aligned = (elements: number): number => Math.ceil(elements / alignment) * alignment;

// Parameters share an arena until it would exceed what one binding may hold.
const intoArenas = <Spec extends ParameterSpec>(
  specs: ReadonlyArray<Spec>,
  limit: number,
): ReadonlyArray<ReadonlyArray<Spec>> => {
  const groups: Spec[][] = [];
  let size = Infinity;
  for (const spec of specs) {
    const elements = aligned(sizeOf(spec.shape));
    if (size + elements > limit) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(spec);
    size += elements;
  }
  return groups;
};

const window = (arena: Tensor, from: number, shape: ReadonlyArray<number>): Tensor => ({
  ...arena,
  offset: arena.offset + from * 4,
  bytes: aligned(sizeOf(shape)) * 4,
  shape,
});

/**
 * Lays out `specs` on the GPU, in order, with `initial` values (row-major, f32); with gradients and
 * zeroed AdamW moments when `trainable`.
 */
export const allocateParameters = <E, Spec extends ParameterSpec>(
  specs: ReadonlyArray<Spec>,
  initial: (spec: Spec) => Effect.Effect<Float32Array, E>,
  trainable: boolean,
): Effect.Effect<Parameters, GpuError | E, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const byName = new Map<string, Parameter>();
    const arenas: Arena[] = [];
    const { maxStorageBufferBindingSize, maxBufferSize } = gpu.adapter.limits;
    for (
      const group of intoArenas(specs, Math.min(maxStorageBufferBindingSize, maxBufferSize) / 4)
    ) {
      const length = group.reduce((sum, { shape }) => sum + aligned(sizeOf(shape)), 0);
      const data = new Float32Array(length);
      let at = 0;
      for (const spec of group) {
        data.set(yield* initial(spec), at);
        at += aligned(sizeOf(spec.shape));
      }
      const value = yield* gpu.upload(data, [length]);
      const zeros = new Float32Array(trainable ? length : 0);
      const arena: Arena = trainable
        ? {
          value,
          gradient: yield* gpu.upload(zeros, [length]),
          first: yield* gpu.upload(zeros, [length]),
          second: yield* gpu.upload(zeros, [length]),
        }
        : { value };
      arenas.push(arena);
      at = 0;
      for (const { name, shape } of group) {
        byName.set(name, {
          name,
          value: window(value, at, shape),
          ...(arena.gradient ? { gradient: window(arena.gradient, at, shape) } : {}),
        });
        at += aligned(sizeOf(shape));
      }
    }
    const count = specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    return { byName, arenas, count };
  });

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
