/** The header of a safetensors file: what it says, and whether it can be true. @module */
import { Effect } from "effect";
import { duplicateKey } from "./duplicate_key.ts";
import { malformed } from "./files.ts";
import type { WeightsError } from "./weights_error.ts";

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
export const elementBytes: ReadonlyMap<string, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"].map((dtype) => [dtype, 1] as const),
  ...["I16", "U16", "F16", "BF16"].map((dtype) => [dtype, 2] as const),
  ...["I32", "U32", "F32"].map((dtype) => [dtype, 4] as const),
  ...["I64", "U64", "F64"].map((dtype) => [dtype, 8] as const),
]);

/**
 * Reads and checks the header: every tensor inside the file, none over another, no bytes left over.
 * Nothing is allocated or read on the word of a length that the file is too short for.
 */
export const decodeHeader: (
  source: ByteSource,
) => Effect.Effect<SafetensorsHeader, WeightsError> = Effect.fnUntraced(function* (source) {
  const wrong = wrongIn(source.name);
  if (source.size < 8) return yield* wrong("file", "at least 8 bytes", `${source.size}`);
  const prefix = yield* source.read(0, 8);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  const room = Math.min(source.size - 8, longestHeader);
  if (length < 2n || length > room) {
    return yield* wrong("header length", `from 2 to ${room} bytes`, `${length}`);
  }
  const start = 8 + Number(length);
  const json = yield* parseHeader(source.name, yield* source.read(8, Number(length)));
  const { __metadata__: metadata = {}, ...tensors } = json;
  if (!isTextRecord(metadata)) {
    return yield* wrong("__metadata__", "an object of strings", describe(metadata));
  }
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, value] of Object.entries(tensors)) {
    entries.set(name, yield* decodeEntry(source, start, name, value));
  }
  yield* checkCoverage(source, start, entries);
  return { entries, metadata };
});

/** The bytes of a header as a JSON object whose keys are unique. */
const parseHeader = Effect.fnUntraced(function* (file: string, bytes: Uint8Array) {
  const wrong = wrongIn(file);
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const parsed = yield* Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: () => wrong("header", "JSON", describe(text)),
  });
  if (!isRecord(parsed)) return yield* wrong("header", "a JSON object", describe(parsed));
  const twice = duplicateKey(text);
  if (twice !== undefined) return yield* wrong(twice, "in the header once", "there twice");
  return parsed;
});

/** One value of the header as an entry that lies inside the file and is as long as its shape says. */
const decodeEntry = Effect.fnUntraced(
  function* (source: ByteSource, start: number, name: string, value: unknown) {
    const wrong = wrongIn(source.name);
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
    const width = elementBytes.get(dtype);
    // Sizes that overflow make a product beyond any file, or NaN: either is no length of this one.
    const bytes = width === undefined ? to - from : shape.reduce((a, b) => a * b, width);
    if (to - from !== bytes) {
      return yield* wrong(`${name} ${dtype} ${describe(shape)}`, `${bytes} bytes`, `${to - from}`);
    }
    return { dtype, shape, begin: start + from, end: start + to };
  },
);

/** In file order, each tensor must begin where the one before it ended, the last at the end of the file. */
const checkCoverage = Effect.fnUntraced(
  function* (source: ByteSource, start: number, entries: ReadonlyMap<string, SafetensorsEntry>) {
    const wrong = wrongIn(source.name);
    const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
    let end = start;
    let before = "the header";
    for (const [name, entry] of inOrder) {
      if (entry.begin !== end) {
        const clash = entry.begin < end ? `overlapping ${before}` : `after a gap behind ${before}`;
        return yield* wrong(name, `at byte ${end}`, `at byte ${entry.begin}, ${clash}`);
      }
      end = entry.end;
      before = name;
    }
    if (end !== source.size) return yield* wrong("file", `${end} bytes`, `${source.size}`);
  },
);

const wrongIn = (file: string) => (part: string, expected: string, actual: string): WeightsError =>
  malformed(file, part, expected, actual);

/** The beginning of a value as JSON, at a cost that does not grow with the value. */
const describe = (value: unknown, nested = false): string => {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "missing";
  if (nested) return "…";
  const parts = Array.isArray(value)
    ? value.slice(0, 6).map((item) => describe(item, true))
    : Object.entries(value).slice(0, 4).map(([key, item]) => `"${key}":${describe(item, true)}`);
  const text = parts.join().slice(0, 80);
  return Array.isArray(value) ? `[${text}]` : `{${text}}`;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTextRecord = (value: unknown): value is Readonly<Record<string, string>> =>
  isRecord(value) && Object.values(value).every((item) => typeof item === "string");

const isSizes = (value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
