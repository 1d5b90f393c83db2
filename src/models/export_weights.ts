/** A decoder's weights back under their Hugging Face names. @module */
import { Effect } from "effect";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import { sizeOf } from "../gpu/gpu.ts";
import { downloadParameters } from "../nn/parameters.ts";
import type { HostTensor } from "../weights/weights.ts";
import type { Decoder } from "./decoder.ts";
import { parameterSpecs } from "./parameter_specs.ts";

/**
 * Downloads every weight that is stored as f32, new tokens' rows left out, as Hugging Face names and
 * shapes them. Of a decoder that was loaded as f32 that is all of it.
 */
export const exportWeights = (
  { architecture, shape, parameters, embedding }: Decoder,
): Effect.Effect<Readonly<Record<string, HostTensor>>, GpuError, Gpu> =>
  Effect.map(downloadParameters(parameters), (values) => {
    const tensors: Record<string, HostTensor> = {};
    const cuts = embedding.shards.map(({ from, to }) => ({ from, to, packable: false }));
    for (const { name, sources, offset } of parameterSpecs(architecture, shape, cuts)) {
      const stored = values.get(name);
      let at = 0;
      for (const { name, shape, rows } of stored ? sources : []) {
        const cols = sizeOf(shape.slice(1));
        const { from, to } = rows ?? { from: 0, to: shape[0]! };
        const { data } = tensors[name] ??= { shape, data: new Float32Array(sizeOf(shape)) };
        const part = stored!.subarray(at, at += (to - from) * cols);
        for (const [i, value] of part.entries()) data[from * cols + i] = value - offset;
      }
    }
    return tensors;
  });
