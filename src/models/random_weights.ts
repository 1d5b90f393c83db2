/** Fresh weights for a model that is about to be pre-trained. @module */
import { Effect } from "effect";
import { sizeOf } from "../gpu/gpu.ts";
import { randomNormal } from "../gpu/random.ts";
import type { Weights } from "../weights/weights.ts";
import { missingTensor } from "../weights/weights.ts";
import type { Architecture, ModelShape } from "./architecture.ts";
import { stackedTensors } from "./decoder.ts";

/**
 * Seeded weights of `shape`, tensor by tensor: gains are 1, matrices N(0, initializerRange), and
 * those that write into the residual stream are scaled by 1/√(2·layers) (GPT-2, section 2.3).
 */
export const randomWeights = (
  architecture: Architecture,
  shape: ModelShape,
  seed: number,
): Weights => {
  const shapes = new Map(
    stackedTensors(architecture, shape, 0).flatMap(({ sources }) =>
      sources.map((source, index) => [source.name, { shape: source.shape, index }] as const)
    ),
  );
  const order = [...shapes.keys()];
  return {
    names: order,
    read: (name) => {
      const known = shapes.get(name);
      if (!known) return Effect.fail(missingTensor("fresh weights", name, shapes.size));
      const size = sizeOf(known.shape);
      if (known.shape.length === 1) {
        return Effect.succeed({ shape: known.shape, data: new Float32Array(size).fill(1) });
      }
      const residual = /(o_proj|down_proj)\.weight$/.test(name);
      const deviation = shape.initializerRange * (residual ? (2 * shape.layers) ** -0.5 : 1);
      const stream = order.indexOf(name);
      const data = Float32Array.from(
        { length: size },
        (_, element) => deviation * randomNormal(seed, stream, element),
      );
      return Effect.succeed({ shape: known.shape, data });
    },
  };
};
