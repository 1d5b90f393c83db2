/** Merging: an adapter's products added into copies of the weights, so that running it costs nothing. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass } from "../gpu/gpu.ts";
import type { Decoder } from "../models/decoder.ts";
import { copy } from "../ops/copy.ts";
import { matmulNN, rowsOf } from "../ops/matmul.ts";
import { isPacked } from "../ops/unpack.ts";
import type { Adapter, Subject } from "./adapter.ts";
import type { Linear } from "./lora_linear.ts";

// W + scale·B·A, each target's product into its own rows.
const mergedLinear = (pass: Pass, linear: Linear): Linear => {
  const { weight, lora, ...rest } = linear;
  if (!lora || isPacked(weight.value)) return linear;
  const value = copy(pass, weight.value);
  for (const { from, to, ranks, scale, b } of lora.targets) {
    const a = rowsOf(lora.a.value, ...ranks);
    matmulNN(pass, b.value, a, {
      into: rowsOf(value, from, to),
      accumulate: true,
      scale,
    });
  }
  return { ...rest, weight: { name: weight.name, value } };
};

/**
 * `adapter` merged into copies of the weights it adapts, for running only; they live as long as the
 * scope. Its outputs equal the adapter's but for rounding. A packed weight stays as it is, with its
 * adapter beside it: an f32 copy would take what packing saved.
 */
export const mergeAdapter = (
  adapter: Adapter,
): Effect.Effect<Subject, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const decoder = yield* gpu.submit((pass): Decoder => ({
      ...adapter.decoder,
      layers: adapter.decoder.layers.map(({ attending, attention, feedForward }) => ({
        attending,
        attention: {
          ...attention,
          qkv: mergedLinear(pass, attention.qkv),
          output: mergedLinear(pass, attention.output),
        },
        feedForward: {
          ...feedForward,
          gateUp: mergedLinear(pass, feedForward.gateUp),
          down: mergedLinear(pass, feedForward.down),
        },
      })),
    }));
    return { decoder, adapter };
  });
