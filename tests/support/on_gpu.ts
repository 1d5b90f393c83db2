/** Runs a test on one shared GPU device, and makes and compares its numbers. @module */
import { Effect, type Scope } from "effect";
import { Gpu, openGpu } from "../../src/gpu/gpu.ts";

// One device for all tests of the process; it is destroyed once, when the process leaves.
const shared: ReturnType<typeof openGpu> = openGpu();
shared.catch(() => {}); // a test that needs the device reports the failure itself
globalThis.addEventListener("unload", () => void shared.then(({ close }) => close()));

/** A `Deno.test` whose body is an effect that may use the GPU and a scope. */
export const onGpu = (
  name: string,
  body: Effect.Effect<void, unknown, Gpu | Scope.Scope>,
): void => {
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const gpu = await shared;
      await Effect.runPromise(Effect.scoped(Effect.provideService(body, Gpu, gpu)));
    },
  });
};

/** `n` seeded numbers in [-1, 1). */
export const uniform = (n: number, seed: number): Float32Array<ArrayBuffer> => {
  let state = (seed * 0x9e3779b9 + 0x85ebca6b) >>> 0;
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39) >>> 0;
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 31 - 1;
  });
};

/** Largest absolute difference over the largest magnitude expected; NaN counts as infinite. */
export const worst = (actual: ArrayLike<number>, expected: ArrayLike<number>): number => {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < expected.length; i++) {
    const gap = Math.abs((actual[i] ?? NaN) - (expected[i] ?? NaN));
    if (Number.isNaN(gap)) return Infinity;
    difference = Math.max(difference, gap);
    magnitude = Math.max(magnitude, Math.abs(expected[i] ?? 0));
  }
  return magnitude === 0 ? difference : difference / magnitude;
};
