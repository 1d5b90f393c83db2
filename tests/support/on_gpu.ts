/** Runs a test on one shared GPU device. @module */
import { Effect, type Scope } from "effect";
import { Gpu, openGpu } from "../../src/gpu/gpu.ts";

export { uniform, worst } from "./numbers.ts";

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
