/** Merging: an adapter's products added into copies of the weights, so that running it costs nothing. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Decoder } from "../models/decoder.ts";
import { copy } from "../ops/copy.ts";
import { matmulNN, rowsOf } from "../ops/matmul.ts";
import { rowScale } from "../ops/row_norms.ts";
import { isPacked, type Stored, unpacked, unpackRows } from "../ops/unpack.ts";
import type { Adapter, Subject } from "./adapter.ts";
import { adaptedNorms } from "./dora.ts";
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

// Bytes that the packed weights under `decoder`'s adapters take as f32.
const unpackedBytes = (decoder: Decoder): number =>
  linearsOf(decoder)
    .filter(({ weight, lora }) => lora && isPacked(weight.value))
    .reduce((sum, { weight }) => sum + 4 * sizeOf(weight.value.shape), 0);

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

/**
 * `adapter` merged into f32 copies of the weights it adapts, for running only; they live as long as the
 * scope. Its outputs equal the adapter's but for rounding. Where packed weights would take more than
 * `mostUnpacked` bytes as f32, 64 MiB unless told, they stay as they are, with their adapters beside them:
 * the copies would take what packing saved.
 */
export const mergeAdapter = (
  adapter: Adapter,
  { mostUnpacked = 64 * 2 ** 20 }: { readonly mostUnpacked?: number } = {},
): Effect.Effect<Subject, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const unpacks = unpackedBytes(adapter.decoder) <= mostUnpacked;
    const merged = (pass: Pass, linear: Linear): Linear =>
      unpacks || !isPacked(linear.weight.value)
        ? mergedLinear(pass, linear)
        : withNorms(pass, linear);
    const decoder = yield* gpu.submit((pass) =>
      mapLinears(adapter.decoder, (linear) => merged(pass, linear))
    );
    return { decoder, adapter };
  });

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
