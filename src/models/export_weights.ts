/** A decoder's weights back under their Hugging Face names. @module */
import { Effect } from "effect";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import { sizeOf } from "../gpu/gpu.ts";
import { downloadParameters } from "../nn/parameters.ts";
import type { HostTensor } from "../weights/weights.ts";
import { type Decoder, stackedTensors } from "./decoder.ts";

/** Downloads every weight, new tokens' rows left out, as Hugging Face names and shapes them. */
export const exportWeights = (
  { architecture, shape, rows, parameters }: Decoder,
): Effect.Effect<Readonly<Record<string, HostTensor>>, GpuError, Gpu> =>
  Effect.map(downloadParameters(parameters), (values) => {
    const tensors: Record<string, HostTensor> = {};
    for (const { name, sources } of stackedTensors(architecture, shape, rows - shape.vocab)) {
      let at = 0;
      for (const source of sources) {
        const size = sizeOf(source.shape);
        tensors[source.name] = {
          shape: source.shape,
          data: values.get(name)!.slice(at, at + size),
        };
        at += size;
      }
    }
    return tensors;
  });
