/** The contract for reading a model's tensors by name, and a layer of it for tests. @module */
import { Context, Effect, Layer } from "effect";
import { WeightsError } from "./weights_error.ts";

/** A tensor in host memory: `data` holds the product of `shape` values, row-major f32. */
export interface HostTensor {
  readonly shape: ReadonlyArray<number>;
  readonly data: Float32Array;
}

/** Rows `[from, to)` of a tensor; a row is all that lies under one index of the first axis. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/** What is known of a tensor without reading it. */
export interface TensorDescription {
  /** How it is stored, in the words of safetensors: `"F32"`, `"F16"`, `"BF16"`, … */
  readonly dtype: string;
  readonly shape: ReadonlyArray<number>;
}

/** Read access to the tensors of one model. */
export interface Weights {
  /** Every tensor's name, as in the file (`model.layers.0.self_attn.q_proj.weight`). */
  readonly names: ReadonlyArray<string>;
  /** The stored dtype and shape of a tensor, or undefined where there is none of that name. */
  readonly describe: (name: string) => TensorDescription | undefined;
  /**
   * Reads one tensor as f32. Where `shape`, of the whole tensor, is given, any other shape is a
   * failure. Where `rows` are given, only their bytes are read, and the result has `[to − from, …]`
   * as its shape; rows that the tensor does not have are a bug and throw.
   */
  readonly read: (
    name: string,
    shape?: ReadonlyArray<number>,
    rows?: Rows,
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
    describe: (name) => {
      const shape = held.get(name)?.shape;
      return shape && { dtype: "F32", shape };
    },
    read: (name, shape, rows) => {
      const tensor = held.get(name);
      if (tensor === undefined) return Effect.fail(missingTensor("memory", name, held.size));
      const whole = checkShape(name, tensor, shape);
      return rows === undefined ? whole : Effect.map(whole, ({ shape, data }) => {
        const part = rowRange(shape, rows);
        return { shape: part.shape, data: data.subarray(part.begin, part.end) };
      });
    },
  };
};

/** The elements `[begin, end)` that `rows` of a tensor of `shape` are, and the shape they have. */
export const rowRange = (
  shape: ReadonlyArray<number>,
  { from, to }: Rows,
): { readonly shape: ReadonlyArray<number>; readonly begin: number; readonly end: number } => {
  const [rows = 0, ...rest] = shape;
  if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to <= rows)) {
    throw new RangeError(
      `Expected rows within [0, ${rows}) of [${shape}] but got [${from}, ${to})`,
    );
  }
  const size = rest.reduce((product, size) => product * size, 1);
  return { shape: [to - from, ...rest], begin: from * size, end: to * size };
};

/** Passes `tensor` on where it has the wanted shape, or none is wanted. */
export const checkShape = <A extends { readonly shape: ReadonlyArray<number> }>(
  name: string,
  tensor: A,
  expected: ReadonlyArray<number> | undefined,
): Effect.Effect<A, WeightsError> => {
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
