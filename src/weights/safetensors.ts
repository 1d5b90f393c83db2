/** The safetensors format: decode a header, read one tensor by its byte range, encode a file. @module */
import { Effect } from "effect";
import { bf16ToF32, bytesToF32, f16ToF32, f32ToF16 } from "./f16.ts";
import { checkShape, type HostTensor, missingTensor, rowRange, type Rows } from "./weights.ts";
import { WeightsError } from "./weights_error.ts";

/** Random access to the bytes of one file. */
export interface ByteSource {
  /** How messages name the file. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`. */
  readonly read: (offset: number, length: number) => Effect.Effect<Uint8Array, WeightsError>;
}

/** Where one tensor lies: bytes `[begin, end)` of the file, header included. */
export interface SafetensorsEntry {
  readonly dtype: string;
  readonly shape: ReadonlyArray<number>;
  readonly begin: number;
  readonly end: number;
}

/** A decoded and checked header. */
export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The longest header that the format allows, in bytes. */
const longestHeader = 100_000_000;

/** Bytes an element. A dtype that is not here can be listed, but neither checked nor read. */
const elementBytes: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, I16: 2, U16: 2, F16: 2, BF16: 2 },
  ...{ I32: 4, U32: 4, F32: 4, I64: 8, U64: 8, F64: 8 },
};

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

/** Reads and checks the header: every tensor inside the file, none over another, no bytes left over. */
export const decodeHeader: (
  source: ByteSource,
) => Effect.Effect<SafetensorsHeader, WeightsError> = Effect.fnUntraced(function* (source) {
  const wrong = malformed(source.name);
  if (source.size < 8) return yield* wrong("file", "at least 8 bytes", `${source.size}`);
  const prefix = yield* source.read(0, 8);
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  const room = Math.min(source.size - 8, longestHeader);
  if (length < 2 || length > room) {
    return yield* wrong("header length", `from 2 to ${room} bytes`, `${length}`);
  }
  const text = new TextDecoder().decode(yield* source.read(8, length));
  const json: unknown = yield* Effect.try({
    try: () => JSON.parse(text) as unknown,
    catch: () => wrong("header", "JSON", JSON.stringify(text.slice(0, 40))),
  });
  if (!isRecord(json)) return yield* wrong("header", "a JSON object", describe(json));

  const { __metadata__: metadata = {}, ...tensors } = json;
  if (!isTextRecord(metadata)) {
    return yield* wrong("__metadata__", "an object of strings", describe(metadata));
  }
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, value] of Object.entries(tensors)) {
    entries.set(name, yield* decodeEntry(source, 8 + length, name, value));
  }
  yield* checkCoverage(source, 8 + length, entries);
  return { entries, metadata };
});

/** One value of the header as an entry that lies inside the file and is as long as its shape says. */
const decodeEntry = Effect.fnUntraced(
  function* (source: ByteSource, start: number, name: string, value: unknown) {
    const wrong = malformed(source.name);
    if (!isRecord(value)) return yield* wrong(name, "an object", describe(value));
    const { dtype, shape, data_offsets: offsets } = value;
    if (typeof dtype !== "string") {
      return yield* wrong(`${name}: dtype`, "a string", describe(dtype));
    }
    if (!isSizes(shape)) return yield* wrong(`${name}: shape`, "a list of sizes", describe(shape));
    const [from, to, ...more] = isSizes(offsets) ? offsets : [];
    const room = source.size - start;
    if (from === undefined || to === undefined || more.length > 0 || from > to || to > room) {
      const wanted = `[begin, end] within the ${room} bytes of data`;
      return yield* wrong(`${name}: data_offsets`, wanted, describe(offsets));
    }
    const width = elementBytes[dtype];
    const bytes = width === undefined ? to - from : width * shape.reduce((a, b) => a * b, 1);
    if (to - from !== bytes) {
      return yield* wrong(`${name} ${dtype} [${shape}]`, `${bytes} bytes`, `${to - from}`);
    }
    return { dtype, shape, begin: start + from, end: start + to };
  },
);

/** In file order, each tensor must begin where the one before it ended, the last at the end of the file. */
const checkCoverage = Effect.fnUntraced(
  function* (source: ByteSource, start: number, entries: ReadonlyMap<string, SafetensorsEntry>) {
    const wrong = malformed(source.name);
    const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
    let end = start;
    for (const [name, entry] of inOrder) {
      if (entry.begin !== end) {
        const clash = entry.begin < end ? "overlapping the tensor before it" : "after a gap";
        return yield* wrong(name, `at byte ${end}`, `at byte ${entry.begin}, ${clash}`);
      }
      end = entry.end;
    }
    if (end !== source.size) return yield* wrong("file", `${end} bytes`, `${source.size}`);
  },
);

/** Reads the bytes of one tensor, or of some of its rows, and widens them to f32. */
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
    const decode = decoders.get(dtype);
    const width = elementBytes[dtype];
    if (decode === undefined || width === undefined) {
      const supported = [...decoders.keys()];
      return yield* new WeightsError({
        reason: { _tag: "UnsupportedDtype", file: source.name, tensor: name, dtype, supported },
      });
    }
    if (rows === undefined) {
      return { shape: entry.shape, data: decode(yield* source.read(begin, end - begin)) };
    }
    const part = rowRange(entry.shape, rows);
    const bytes = source.read(begin + part.begin * width, (part.end - part.begin) * width);
    return { shape: part.shape, data: decode(yield* bytes) };
  },
);

/** Encodes a whole file. The header is padded with spaces so that the data begin on a multiple of 8. */
export const encodeSafetensors = (
  tensors: Readonly<Record<string, HostTensor>>,
  options: {
    /** How to store the values; halves round to nearest. Default `"F32"`. */
    readonly dtype?: "F32" | "F16";
    /** Kept in the header; Hugging Face readers want `format: "pt"`, which is always there. */
    readonly metadata?: Readonly<Record<string, string>>;
  } = {},
): Uint8Array => {
  const { dtype = "F32", metadata = {} } = options;
  const header: Record<string, unknown> = { __metadata__: { format: "pt", ...metadata } };
  const parts: Array<Uint8Array> = [];
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const bytes = dtype === "F16"
      ? f32ToF16(data)
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    parts.push(bytes);
    offset += bytes.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + length + offset).fill(0x20, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(json, 8);
  let at = 8 + length;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
};

const malformed = (file: string) => (part: string, expected: string, actual: string) =>
  new WeightsError({ reason: { _tag: "Malformed", file, part, expected, actual } });

const describe = (value: unknown): string => (JSON.stringify(value) ?? "missing").slice(0, 80);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTextRecord = (value: unknown): value is Readonly<Record<string, string>> =>
  isRecord(value) && Object.values(value).every((item) => typeof item === "string");

const isSizes = (value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
