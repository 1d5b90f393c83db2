/** Writes a model's weights one tensor after the other, into as many files as they need. @module */
import { Effect, FileSystem, Path } from "effect";
import { formatJson, malformed, refuse } from "./files.ts";
import { indexName, singleName } from "./model_directory.ts";
import { checkFinite, encodeHeader, encodeValues, type FloatDtype } from "./safetensors.ts";
import { elementBytes } from "./safetensors_header.ts";
import { WeightsError } from "./weights_error.ts";

/** A tensor that is to be written, and how. */
export interface PlannedTensor {
  readonly name: string;
  readonly shape: ReadonlyArray<number>;
  readonly dtype: FloatDtype;
}

/** One file of a model's weights. */
export interface PlannedShard {
  readonly file: string;
  /** In the order of their bytes. */
  readonly tensors: ReadonlyArray<PlannedTensor>;
}

/** Where a magnitude rounds to infinity: halfway from the largest value to the next power of two. */
const overflow: Readonly<Record<FloatDtype, number>> = {
  F32: Infinity,
  F16: 65_520,
  BF16: 2 ** 128 - 2 ** 119,
};

const bytesOf = ({ shape, dtype }: PlannedTensor): number =>
  shape.reduce((a, b) => a * b, elementBytes.get(dtype)!);

/**
 * The files that `tensors`, in their order, fill up to `shardBytes` each; a tensor that is longer has
 * one of its own. Within a file wide values come first, so that each lies on a multiple of its width.
 */
export const planShards = (
  tensors: ReadonlyArray<PlannedTensor>,
  shardBytes: number,
): ReadonlyArray<PlannedShard> => {
  const shards: Array<Array<PlannedTensor>> = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (filled > 0 && filled + bytes > shardBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(tensor);
    filled += bytes;
  }
  const digits = (count: number): string => `${count}`.padStart(5, "0");
  return shards.map((held, index) => ({
    file: shards.length === 1
      ? singleName
      : `model-${digits(index + 1)}-of-${digits(shards.length)}.safetensors`,
    tensors: held.sort((a, b) => elementBytes.get(b.dtype)! - elementBytes.get(a.dtype)!),
  }));
};

/**
 * Writes `tensors` into `directory` as Hugging Face's `save_pretrained` does: `model.safetensors`, or
 * shards of at most `shardBytes` (default 5 GB) and an index of them. `values` is asked for one tensor
 * at a time, file by file, and no other is held meanwhile. Files take their names when all of them are
 * whole, the index last; an interruption leaves nothing that a loader takes for a model. A directory
 * that has weights is refused.
 */
export const writeShards = <E, R>(
  directory: string,
  tensors: ReadonlyArray<PlannedTensor>,
  values: (tensor: PlannedTensor) => Effect.Effect<Float32Array, E, R>,
  { shardBytes = 5e9 }: { readonly shardBytes?: number } = {},
): Effect.Effect<
  ReadonlyArray<PlannedShard>,
  E | WeightsError,
  R | FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
    for (const name of [singleName, indexName]) {
      const there = yield* fs.exists(path.join(directory, name)).pipe(refuse(directory));
      if (there) return yield* malformed(directory, "directory", "without weights", `with ${name}`);
    }
    const shards = planShards(tensors, shardBytes);
    const index = shards.length === 1 ? [] : [{ file: indexName, text: formatIndex(shards) }];
    const finals = [...shards, ...index].map(({ file }) => path.join(directory, file));
    const write = Effect.gen(function* () {
      for (const [at, shard] of shards.entries()) {
        yield* writeShard(`${finals[at]}.part`, shard, values);
      }
      for (const { file, text } of index) {
        const part = `${path.join(directory, file)}.part`;
        yield* fs.writeFileString(part, text).pipe(refuse(part));
      }
    });
    const removeParts = Effect.forEach(
      finals,
      (file) => fs.remove(`${file}.part`, { force: true }).pipe(refuse(file)),
    );
    const rename = Effect.forEach(
      finals,
      (file) => fs.rename(`${file}.part`, file).pipe(refuse(file)),
    );
    yield* Effect.onError(write, () => Effect.ignore(removeParts));
    yield* Effect.uninterruptible(rename);
    return shards;
  });

/** One file whose tensors are asked for, checked and written in turn. */
const writeShard = <E, R>(
  file: string,
  { tensors }: PlannedShard,
  values: (tensor: PlannedTensor) => Effect.Effect<Float32Array, E, R>,
): Effect.Effect<void, E | WeightsError, R | FileSystem.FileSystem> =>
  Effect.scoped(Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const handle = yield* fs.open(file, { flag: "w" }).pipe(refuse(file));
    const write = (bytes: Uint8Array) =>
      bytes.length === 0 ? Effect.void : handle.writeAll(bytes).pipe(refuse(file));
    yield* write(encodeHeader(tensors));
    for (const tensor of tensors) {
      const data = yield* values(tensor);
      yield* checkValues(file, tensor, data);
      // In pieces: what narrows a large tensor is not as large again.
      for (let at = 0; at < data.length; at += piece) {
        yield* write(encodeValues(data.subarray(at, at + piece), tensor.dtype));
      }
    }
    // On the disk before it gets its name: a machine that stops here leaves no empty file under it.
    yield* handle.sync.pipe(refuse(file));
  }));

/** Elements that are narrowed at once. */
const piece = 2 ** 22;

/** As many values as the shape needs (a bug otherwise), finite, and finite in their format too. */
const checkValues = Effect.fnUntraced(
  function* (file: string, { name, shape, dtype }: PlannedTensor, data: Float32Array) {
    const size = shape.reduce((a, b) => a * b, 1);
    if (data.length !== size) {
      throw new RangeError(`Expected ${size} values of ${name} [${shape}] but got ${data.length}`);
    }
    yield* checkFinite(file, name, data);
    const index = data.findIndex((value) => Math.abs(value) >= overflow[dtype]);
    if (index < 0) return;
    return yield* new WeightsError({
      reason: { _tag: "Overflow", file, tensor: name, dtype, index, value: data[index]! },
    });
  },
);

/** The index of several shards, its keys in alphabetical order. */
const formatIndex = (shards: ReadonlyArray<PlannedShard>): string => {
  const placed = shards.flatMap(({ file, tensors }) =>
    tensors.map((tensor) => ({ file, name: tensor.name, bytes: bytesOf(tensor), tensor }))
  ).sort((a, b) => a.name < b.name ? -1 : 1);
  const sum = (of: (placed: { bytes: number; tensor: PlannedTensor }) => number): number =>
    placed.reduce((total, item) => total + of(item), 0);
  return formatJson({
    metadata: {
      total_parameters: sum(({ bytes, tensor }) => bytes / elementBytes.get(tensor.dtype)!),
      total_size: sum(({ bytes }) => bytes),
    },
    weight_map: Object.fromEntries(placed.map(({ name, file }) => [name, file])),
  });
};
