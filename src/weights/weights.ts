/** The contract for reading a model's tensors by name, and a layer of it for tests. @module */
import { Context, Effect, Layer } from "effect";
import { WeightsError } from "./weights_error.ts";

/** A tensor in host memory: `data` holds the product of `shape` values, row-major f32. */
export interface HostTensor {
  readonly shape: ReadonlyArray<number>;
  readonly data: Float32Array;
}

/** Read access to the tensors of one model. */
export interface Weights {
  /** Every tensor's name, as in the file (`model.layers.0.self_attn.q_proj.weight`). */
  readonly names: ReadonlyArray<string>;
  /** Reads one tensor as f32. Where `shape` is given, any other shape is a failure. */
  readonly read: (
    name: string,
    shape?: ReadonlyArray<number>,
  ) => Effect.Effect<HostTensor, WeightsError>;
}

export const Weights: Context.Service<Weights, Weights> = Context.Service("delia/weights/Weights");

/** Weights held in memory: for tests, and for a model that was just trained. */
export const layerMemory = (
  tensors: Readonly<Record<string, HostTensor>>,
): Layer.Layer<Weights> => Layer.succeed(Weights, memoryWeights(tensors));

/** The value behind {@linkcode layerMemory}. */
export const memoryWeights = (tensors: Readonly<Record<string, HostTensor>>): Weights => {
  const held = new Map(Object.entries(tensors));
  return {
    names: [...held.keys()],
    read: (name, shape) => {
      const tensor = held.get(name);
      return tensor === undefined
        ? Effect.fail(missingTensor("memory", name, held.size))
        : checkShape(name, tensor, shape);
    },
  };
};

/** Passes `tensor` on where it has the wanted shape, or none is wanted. */
export const checkShape = (
  name: string,
  tensor: HostTensor,
  expected: ReadonlyArray<number> | undefined,
): Effect.Effect<HostTensor, WeightsError> => {
  const actual = tensor.shape;
  const same = expected === undefined ||
    expected.length === actual.length && expected.every((size, axis) => size === actual[axis]);
  return same ? Effect.succeed(tensor) : Effect.fail(
    new WeightsError({ reason: { _tag: "ShapeMismatch", tensor: name, expected, actual } }),
  );
};

/** The failure of asking `file`, which holds `held` tensors, for one that it does not have. */
export const missingTensor = (file: string, tensor: string, held: number): WeightsError =>
  new WeightsError({ reason: { _tag: "MissingTensor", file, tensor, held } });
