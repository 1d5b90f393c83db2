/** Arenas: a few large buffers that hold many tensors, as windows that start on 256 bytes. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Tensor } from "../gpu/gpu.ts";

/** A window of an arena: elements (of four bytes) from `at` on. */
interface Place {
  readonly index: number;
  readonly at: number;
}

/** One arena's length in elements, and the places of those it holds. */
interface Plan {
  readonly length: number;
  readonly places: ReadonlyArray<Place>;
}

const alignment = 64; // elements: 256 bytes

/** `elements` and the padding behind them. */
export const aligned = (elements: number): number => Math.ceil(elements / alignment) * alignment;

/** Spreads tensors of `sizes` elements, in order, over arenas of at most `limit` elements. */
export const planArenas = (
  sizes: ReadonlyArray<number>,
  limit: number,
): ReadonlyArray<Plan> => {
  const plans: { length: number; places: Place[] }[] = [];
  for (const [index, size] of sizes.entries()) {
    if ((plans.at(-1)?.length ?? Infinity) + aligned(size) > limit) {
      plans.push({ length: 0, places: [] });
    }
    const plan = plans.at(-1)!;
    plan.places.push({ index, at: plan.length });
    plan.length += aligned(size);
  }
  return plans;
};

/** `shape` elements of `arena` from element `at` on. */
export const windowOf = (
  arena: Tensor,
  at: number,
  shape: ReadonlyArray<number>,
  dtype: Tensor["dtype"] = "f32",
): Tensor => {
  const elements = shape.reduce((size, length) => size * length, 1);
  return {
    buffer: arena.buffer,
    offset: arena.offset + at * 4,
    bytes: aligned(elements) * 4,
    shape,
    dtype,
  };
};

/** Allocates the arenas of `sizes`, as large as a binding may be; they live as long as the scope. */
export const allocateArenas = (
  sizes: ReadonlyArray<number>,
): Effect.Effect<
  ReadonlyArray<{ readonly arena: Tensor; readonly places: ReadonlyArray<Place> }>,
  GpuError,
  Gpu | Scope.Scope
> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { maxStorageBufferBindingSize, maxBufferSize } = gpu.adapter.limits;
    const plans = planArenas(sizes, Math.min(maxStorageBufferBindingSize, maxBufferSize) / 4);
    return yield* Effect.forEach(plans, ({ length, places }) =>
      Effect.map(gpu.allocate([length]), (arena) => ({ arena, places })));
  });
