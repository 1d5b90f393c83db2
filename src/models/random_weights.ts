/** Fresh weights for a model that is about to be pre-trained. @module */
import { Effect } from "effect";
import { randomNormal } from "../gpu/random.ts";
import type { Weights } from "../weights/weights.ts";
import { missingTensor, rowRange } from "../weights/weights.ts";
import type { Architecture, ModelShape } from "./architecture.ts";
import { parameterSpecs } from "./parameter_specs.ts";
import { wholeTable } from "./table_cuts.ts";

/**
 * Seeded weights of `shape`, tensor by tensor: gains are 1, biases 0, matrices N(0, initializerRange), and
 * those that write into the residual stream are scaled by 1/√(2·layers) (GPT-2, section 2.3).
 */
export const randomWeights = (
  architecture: Architecture,
  shape: ModelShape,
  seed: number,
): Weights => {
  const shapes = new Map(
    parameterSpecs(architecture, shape, wholeTable(shape)).flatMap(({ sources }) =>
      sources.map((source) => [source.name, { shape: source.shape }] as const)
    ),
  );
  const order = [...shapes.keys()];
  return {
    names: order,
    describe: (name) => {
      const known = shapes.get(name);
      return known && { dtype: "F32", shape: known.shape };
    },
    read: (name, _, rows) => {
      const known = shapes.get(name);
      if (!known) return Effect.fail(missingTensor("fresh weights", name, shapes.size));
      const part = rowRange(known.shape, rows ?? { from: 0, to: known.shape[0]! });
      const size = part.end - part.begin;
      if (known.shape.length === 1) {
        const value = name.endsWith(".bias") ? 0 : 1 - shape.gainOffset;
        return Effect.succeed({ shape: part.shape, data: new Float32Array(size).fill(value) });
      }
      const residual = /(o_proj|down_proj)\.weight$/.test(name);
      const deviation = shape.initializerRange * (residual ? (2 * shape.layers) ** -0.5 : 1);
      const stream = order.indexOf(name);
      const data = Float32Array.from(
        { length: size },
        (_, element) => deviation * randomNormal(seed, stream, part.begin + element),
      );
      return Effect.succeed({ shape: part.shape, data });
    },
  };
};
