/** The parameters of an adapter: names, shapes and fresh values. @module */
import { sizeOf } from "../gpu/gpu.ts";
import { randomNormal, randomUnit } from "../gpu/random.ts";
import type { FusedLinear } from "../models/architecture.ts";
import type { Decoder } from "../models/decoder.ts";
import type { AdapterPlan } from "./adapter_plan.ts";
import type { ParameterSpec } from "./parameters.ts";

/** One parameter of an adapter, and its fresh value. */
export interface AdapterSpec extends ParameterSpec {
  readonly initial: () => Float32Array;
}

// PyTorch's default for a linear, which PEFT gives to A: kaiming uniform with a = √5, that is
// U(−1/√in, 1/√in). B starts at zero, so the adapted model starts as the base.
const kaiming = (seed: number, stream: number, size: number, inputs: number) => () => {
  const bound = inputs ** -0.5;
  return Float32Array.from(
    { length: size },
    (_, element) => bound * (2 * randomUnit(seed, stream, element) - 1),
  );
};

/**
 * Those of one linear. The A's of its targets are stacked: they read the same input. `bRate` is the
 * factor of B's learning rate.
 */
export const linearSpecs = (
  linear: FusedLinear,
  stream: number,
  { linears }: AdapterPlan,
  seed: number,
  bRate = 1,
): ReadonlyArray<AdapterSpec> => {
  const adapted = linear.parts.filter(({ path }) => linears.has(path));
  if (adapted.length === 0) return [];
  const ranks = adapted.reduce((sum, { path }) => sum + linears.get(path)!.rank, 0);
  const aShape = [ranks, linear.inputs];
  const initial = kaiming(seed, stream, sizeOf(aShape), linear.inputs);
  return [
    { name: `${linear.name}.a`, shape: aShape, initial },
    ...adapted.flatMap(({ path, from, to }): ReadonlyArray<AdapterSpec> => {
      const { rank, dora } = linears.get(path)!;
      // A magnitude gets its own fresh value when W is at hand.
      return [
        { ...zeros(`${path}.b`, [to - from, rank]), rateFactor: bRate },
        ...dora ? [zeros(magnitudeName(path), [to - from])] : [],
      ];
    }),
  ];
};

const zeros = (name: string, shape: ReadonlyArray<number>): AdapterSpec => ({
  name,
  shape,
  initial: () => new Float32Array(sizeOf(shape)),
});

/** The name of DoRA's magnitude of the linear `path` among an adapter's parameters. */
export const magnitudeName = (path: string): string => `${path}.magnitude`;

/** Names of the embedding's A `[rows, rank]` and B `[hidden, rank]` among an adapter's parameters. */
export const embeddingNames = { a: "embedding.a", b: "embedding.b" } as const;

/** Those of the embedding, fresh as PEFT's: A zero, B normal. */
export const embeddingSpecs = (
  { rows, shape: { hidden } }: Decoder,
  { embedding }: AdapterPlan,
  stream: number,
  seed: number,
): ReadonlyArray<AdapterSpec> => {
  if (!embedding) return [];
  const [a, b] = [[rows, embedding.rank], [hidden, embedding.rank]];
  const normal = (_: unknown, element: number): number => randomNormal(seed, stream, element);
  return [
    zeros(embeddingNames.a, a),
    {
      name: embeddingNames.b,
      shape: b,
      initial: () => Float32Array.from({ length: sizeOf(b) }, normal),
    },
  ];
};
