/** Benches ops on one device: the first variant is the baseline, each runs many times a submission. @module */
import { Effect } from "effect";
import { Gpu, openGpu, type Pass, sizeOf, type Tensor } from "../../src/gpu/gpu.ts";
import { uniform } from "../../tests/support/numbers.ts";
import { nameWithWork, type Work } from "./work.ts";

/** The device of this bench file. */
export const benchGpu: ReturnType<typeof openGpu> = openGpu();

/**
 * Registers a `Deno.bench` for each variant on inputs of the given shapes (f32, seeded) or numbers.
 * One measured run is `repeat` recordings in one submission, then a wait.
 */
export const benchOps = <Name extends string>(
  group: string,
  inputs: Readonly<Record<Name, ReadonlyArray<number> | Uint32Array>>,
  variants: Readonly<Record<string, (pass: Pass, tensors: Record<Name, Tensor>) => unknown>>,
  work: Work = {},
  repeat = 8,
): void => {
  const names = Object.keys(inputs) as Name[];
  let baseline = true;
  for (const variant in variants) {
    const record = variants[variant]!;
    Deno.bench({
      name: nameWithWork(variant, work, repeat),
      group,
      baseline,
      fn: async (timer) => {
        const gpu = await benchGpu;
        const run = Effect.scoped(Effect.gen(function* () {
          const tensors = {} as Record<Name, Tensor>;
          for (const [index, name] of names.entries()) {
            const input = inputs[name];
            tensors[name] = input instanceof Uint32Array
              ? yield* gpu.upload(input, [input.length])
              : yield* gpu.upload(uniform(sizeOf(input), index + 1), input);
          }
          const once = Effect.scoped(gpu.submit((pass) => {
            for (let i = 0; i < repeat; i++) record(pass, tensors);
          }));
          yield* Effect.andThen(once, gpu.finish); // compiles and warms the pool
          timer.start();
          yield* Effect.andThen(once, gpu.finish);
          timer.end();
        }));
        await Effect.runPromise(Effect.provideService(run, Gpu, gpu));
      },
    });
    baseline = false;
  }
};
