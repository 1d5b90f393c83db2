/** Weights that are a formula of tensor and element: large models for tests, without a file. @module */
import { Effect } from "effect";
import { randomUnit } from "../../src/gpu/random.ts";
import type { Architecture, ModelShape } from "../../src/models/architecture.ts";
import { parameterSpecs } from "../../src/models/parameter_specs.ts";
import { wholeTable } from "../../src/models/table_cuts.ts";
import { missingTensor, rowRange, type Weights } from "../../src/weights/weights.ts";

/** Which numbers: those of an element depend on the seed, the stream and its index alone. */
export interface Formula {
  readonly seed: number;
  /** The numbers lie in [-amplitude, amplitude): exact in f32 where it is a power of two. */
  readonly amplitude: number;
}

/** Elements `[begin, end)` of the tensor numbered `stream`. */
export const formulaValues = (
  { seed, amplitude }: Formula,
  stream: number,
  begin: number,
  end: number,
): Float32Array<ArrayBuffer> => {
  const values = new Float32Array(end - begin);
  for (let i = 0; i < values.length; i++) {
    values[i] = amplitude * (2 * randomUnit(seed, stream, begin + i) - 1);
  }
  return values;
};

/**
 * Weights of `shape`, made when they are read. A tensor's stream is its place in alphabetical order;
 * gains lie about 1. `tests/parity/make_large_vocabulary_golden.py` computes the same bits.
 */
export const formulaWeights = (
  architecture: Architecture,
  shape: ModelShape,
  formula: Formula,
): Weights => {
  const shapes = new Map(
    parameterSpecs(architecture, shape, wholeTable(shape)).flatMap(({ sources }) =>
      sources.map(({ name, shape }) => [name, shape] as const)
    ),
  );
  const names = [...shapes.keys()].sort();
  return {
    names,
    describe: (name) => {
      const known = shapes.get(name);
      return known && { dtype: "F32", shape: known };
    },
    read: (name, _, rows) => {
      const known = shapes.get(name);
      if (!known) return Effect.fail(missingTensor("the formula", name, names.length));
      return Effect.sync(() => {
        const part = rowRange(known, rows ?? { from: 0, to: known[0]! });
        const stream = names.indexOf(name);
        const data = known.length === 1
          ? formulaValues({ ...formula, amplitude: 0.25 }, stream, part.begin, part.end)
            .map((value) => 1 + value)
          : formulaValues(formula, stream, part.begin, part.end);
        return { shape: part.shape, data };
      });
    },
  };
};
