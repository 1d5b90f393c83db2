/** The safetensors format: read one tensor by its byte range, encode a file that fits in memory. @module */
import { Effect } from "effect";
import { bf16ToF32, bytesToF32, f16ToF32, f32ToBf16, f32ToF16 } from "./f16.ts";
import { type ByteSource, elementBytes, type SafetensorsHeader } from "./safetensors_header.ts";
import { checkShape, type HostTensor, missingTensor, rowRange, type Rows } from "./weights.ts";
import { WeightsError } from "./weights_error.ts";

/** The formats in which this folder writes values. */
export type FloatDtype = "F32" | "F16" | "BF16";

const decoders: ReadonlyMap<string, (bytes: Uint8Array) => Float32Array> = new Map([
  ["F32", bytesToF32],
  ["F16", f16ToF32],
  ["BF16", bf16ToF32],
]);

/** A file that is already in memory. */
export const memorySource = (name: string, bytes: Uint8Array): ByteSource => ({
  name,
  size: bytes.length,
  read: (offset, length) => Effect.succeed(bytes.subarray(offset, offset + length)),
});

/**
 * Reads the bytes of one tensor, or of some of its rows, and widens them to f32. NaN and infinities
 * are refused: no published model means them, and one of them spreads to every logit.
 */
export const readTensor: (
  source: ByteSource,
  header: SafetensorsHeader,
  name: string,
  part?: {
    /** The shape that the whole tensor must have. */
    readonly shape?: ReadonlyArray<number> | undefined;
    readonly rows?: Rows | undefined;
  },
) => Effect.Effect<HostTensor, WeightsError> = Effect.fnUntraced(
  function* (source, header, name, { shape, rows } = {}) {
    const entry = header.entries.get(name);
    if (entry === undefined) return yield* missingTensor(source.name, name, header.entries.size);
    const { dtype, begin, end } = yield* checkShape(name, entry, shape);
    const [decode, width] = [decoders.get(dtype), elementBytes.get(dtype)];
    if (decode === undefined || width === undefined) {
      const supported = [...decoders.keys()];
      return yield* new WeightsError({
        reason: { _tag: "UnsupportedDtype", file: source.name, tensor: name, dtype, supported },
      });
    }
    const range = rows === undefined ? undefined : rowRange(entry.shape, rows);
    const bytes = range === undefined
      ? yield* source.read(begin, end - begin)
      : yield* source.read(begin + range.begin * width, (range.end - range.begin) * width);
    const data = decode(bytes);
    yield* checkFinite(source.name, name, data, range?.begin ?? 0);
    return { shape: range?.shape ?? entry.shape, data };
  },
);

/** Fails where a value is NaN or infinite; `offset` is the index of the first one in its tensor. */
export const checkFinite = (
  file: string,
  tensor: string,
  data: Float32Array,
  offset = 0,
): Effect.Effect<void, WeightsError> => {
  let [count, first] = [0, -1];
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i]!)) continue;
    if (first < 0) first = i;
    count++;
  }
  if (count === 0) return Effect.void;
  const [index, value] = [offset + first, data[first]!];
  const reason = { _tag: "NotFinite", file, tensor, count, index, value } as const;
  return Effect.fail(new WeightsError({ reason }));
};

/** The values as little-endian bytes; halves round to nearest even. */
export const encodeValues = (data: Float32Array, dtype: FloatDtype): Uint8Array => {
  switch (dtype) {
    case "F32":
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    case "F16":
      return f32ToF16(data);
    case "BF16":
      return f32ToBf16(data);
  }
};

/** The bytes before a file's data: length and header, for tensors that follow one another. */
export const encodeHeader = (
  tensors: Iterable<
    {
      readonly name: string;
      readonly dtype: FloatDtype;
      readonly shape: ReadonlyArray<number>;
    }
  >,
  /** Kept in the header; Hugging Face readers want `format: "pt"`, which is always there. */
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array => {
  const entries: Array<readonly [string, unknown]> = [
    ["__metadata__", { format: "pt", ...metadata }],
  ];
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    const begin = offset;
    offset += shape.reduce((a, b) => a * b, elementBytes.get(dtype)!);
    entries.push([name, { dtype, shape, data_offsets: [begin, offset] }]);
  }
  // From entries, not by assignment: a tensor may be called `__proto__`.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  // Padded with spaces so that the data begin on a multiple of 8.
  const bytes = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(json, 8);
  return bytes;
};

/** Encodes a whole file. */
export const encodeSafetensors = (
  tensors: Readonly<Record<string, HostTensor>>,
  options: {
    /** How to store the values. Default `"F32"`. */
    readonly dtype?: FloatDtype;
    readonly metadata?: Readonly<Record<string, string>>;
  } = {},
): Uint8Array => {
  const { dtype = "F32", metadata } = options;
  const entries = Object.entries(tensors);
  const header = encodeHeader(
    entries.map(([name, { shape }]) => ({ name, dtype, shape })),
    metadata,
  );
  const parts = [header, ...entries.map(([, { data }]) => encodeValues(data, dtype))];
  const file = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
};
