/** Runs a test on one shared GPU device. @module */
import { Effect, type Scope } from "effect";
import { Gpu, openGpu } from "../../src/gpu/gpu.ts";

export { uniform, worst } from "./numbers.ts";

// One device for all tests of the process. It goes with the process: Mesa's software driver aborts in
// one of 45 runs where a device is destroyed while the process leaves.
const shared: ReturnType<typeof openGpu> = openGpu();
shared.catch(() => {}); // a test that needs the device reports the failure itself

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
