/** Merging: an adapter's products added into copies of the weights, so that running it costs nothing. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass, sizeOf, type Tensor } from "../gpu/gpu.ts";
import { copy } from "../ops/copy.ts";
import { matmulNN, rowsOf } from "../ops/matmul.ts";
import { rowScale } from "../ops/row_norms.ts";
import { isPacked, type Stored, unpackRows } from "../ops/unpack.ts";
import type { Adapter, Subject } from "./adapter.ts";
import { adaptedNorms } from "./dora.ts";
import { frozenAdapter } from "./frozen.ts";
import { linearsOf, mapLinears } from "./linears.ts";
import type { Linear } from "./lora_linear.ts";

// W + scale·B·A, each target's product into its own rows, which DoRA scales.
const mergedLinear = (pass: Pass, linear: Linear): Linear => {
  const { weight, lora, ...rest } = linear;
  if (!lora) return linear;
  const value = copied(pass, weight.value);
  for (const target of lora.targets) {
    const { from, to, ranks, scale, b, dora } = target;
    const rows = rowsOf(value, from, to);
    const norms = dora && adaptedNorms(pass, value, lora.a, target);
    matmulNN(pass, b.value, rowsOf(lora.a.value, ...ranks), {
      into: rows,
      accumulate: true,
      scale,
    });
    if (!dora || !norms) continue;
    rowScale(pass, rows, { lengths: dora.magnitude.value, norms });
    pass.release(norms);
  }
  return { ...rest, weight: { name: weight.name, value } };
};

const copied = (pass: Pass, stored: Stored): Tensor =>
  isPacked(stored) ? unpackRows(pass, stored, 0, stored.shape[0]!) : copy(pass, stored);

/**
 * `adapter` merged into f32 copies of the weights it adapts, for running only; they live as long as the
 * scope. Its outputs equal the adapter's but for rounding.
 */
export const mergeAdapter = (
  adapter: Adapter,
): Effect.Effect<Subject, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const decoder = yield* gpu.submit((pass) =>
      mapLinears(adapter.decoder, (linear) => mergedLinear(pass, linear))
    );
    return { decoder, adapter };
  });

/** Bytes of copies that {@linkcode mergeWhereSmall} makes at most, unless told. */
export const mostMerged: number = 64 * 2 ** 20;

/**
 * What answers as `adapter` does, for running only: merged where the copies take at most `most` bytes, else
 * with its adapters beside the weights, which takes no memory and 5 to 20 % longer.
 */
export const mergeWhereSmall = (
  adapter: Adapter,
  most: number = mostMerged,
): Effect.Effect<Subject, GpuError, Gpu | Scope.Scope> => {
  const copies = linearsOf(adapter.decoder).filter(({ lora }) => lora)
    .reduce((sum, { weight }) => sum + 4 * sizeOf(weight.value.shape), 0);
  return copies <= most ? mergeAdapter(adapter) : Effect.map(
    frozenAdapter(adapter),
    (frozen) => ({ decoder: frozen.decoder, adapter: frozen }),
  );
};
