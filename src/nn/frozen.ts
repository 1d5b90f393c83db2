/** An adapter that stays as it is: what its forwards would compute anew each time is computed once. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass } from "../gpu/gpu.ts";
import { unpacked } from "../ops/unpack.ts";
import type { Adapter } from "./adapter.ts";
import { adaptedNorms } from "./dora.ts";
import { mapLinears } from "./linears.ts";
import type { Linear } from "./lora_linear.ts";

/** `linear` with the norms of its DoRA computed, for A and B that stay as they are. */
export const withNorms = (pass: Pass, linear: Linear): Linear => {
  const { weight, lora } = linear;
  if (!lora?.targets.some(({ dora }) => dora)) return linear;
  const targets = unpacked(
    pass,
    weight.value,
    (w) =>
      lora.targets.map((target) =>
        target.dora
          ? { ...target, dora: { ...target.dora, norms: adaptedNorms(pass, w, lora.a, target) } }
          : target
      ),
  );
  return { ...linear, lora: { ...lora, targets } };
};

/** `adapter` with the norms of its DoRA computed once, for running only; they live as long as the scope. */
export const frozenAdapter = (
  adapter: Adapter,
): Effect.Effect<Adapter, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const decoder = yield* gpu.submit((pass) =>
      mapLinears(adapter.decoder, (linear) => withNorms(pass, linear))
    );
    return { ...adapter, decoder };
  });
