/** Packs numbers onto the GPU for tests. @module */
import { Effect, Result, type Scope } from "effect";
import { Gpu, type GpuError, sizeOf } from "../../src/gpu/gpu.ts";
import type { PackedTensor, Stored } from "../../src/ops/unpack.ts";
import { pack, type StorageFormat, unpackReference } from "../../src/weights/pack.ts";

/** `data` stored as `format`, and the numbers that it stands for then. */
export const upload = (
  data: Float32Array<ArrayBuffer>,
  shape: ReadonlyArray<number>,
  format: StorageFormat,
): Effect.Effect<
  { readonly stored: Stored; readonly values: ArrayLike<number> },
  GpuError,
  Gpu | Scope.Scope
> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    if (format === "f32") return { stored: yield* gpu.upload(data, shape), values: data };
    const packed = Result.getOrThrow(pack(data, format));
    const stored: PackedTensor = {
      format,
      shape,
      words: yield* gpu.upload(packed.words, [packed.words.length]),
      ...packed.scales ? { scales: yield* gpu.upload(packed.scales, [packed.scales.length]) } : {},
    };
    return { stored, values: unpackReference(packed, sizeOf(shape)) };
  });
