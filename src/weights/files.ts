/** Files as this folder reads and writes them: by range, as text, as JSON; every failure names the file. @module */
import { Effect, FileSystem, Path, type PlatformError, type Scope } from "effect";
import { parseJsonLines } from "../files/json_lines.ts";
import { writeWhole } from "../files/write_whole.ts";
import { fileProblem } from "./file_problem.ts";
import type { ByteSource } from "./safetensors_header.ts";
import { WeightsError } from "./weights_error.ts";

/** Any JSON object, as a file holds it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Opens `file` for reading by range; it closes with the scope. */
export const openFile: (
  file: string,
) => Effect.Effect<ByteSource, WeightsError, FileSystem.FileSystem | Scope.Scope> = Effect
  .fnUntraced(function* (file: string) {
    const fs = yield* FileSystem.FileSystem;
    const handle = yield* fs.open(file).pipe(refuse(file));
    const { size } = yield* handle.stat.pipe(refuse(file));
    const read = Effect.fnUntraced(function* (offset: number, length: number) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length;) {
        const position = BigInt(offset + at);
        const count = yield* handle.read(bytes.subarray(at), { position }).pipe(refuse(file));
        if (count === 0) return yield* malformed(file, "file", `${size} bytes`, `${offset + at}`);
        at += count;
      }
      return bytes;
    });
    const source: ByteSource = { name: file, size: Number(size), read };
    return source;
  });

/** Makes `directory` and writes the text files `{ name: content }` into it, each whole or not at all. */
export const writeFiles: (
  directory: string,
  files: Readonly<Record<string, string>>,
) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (directory, files) {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(directory, name);
      yield* writeWhole(file, content).pipe(refuse(file));
    }
  },
);

/** Writes one text file, and makes the directory that it lies in. */
export const writeText: (
  file: string,
  text: string,
) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (file, text) {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const directory = path.dirname(file);
    yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
    yield* fs.writeFileString(file, text).pipe(refuse(file));
  },
);

/** JSON as these folders store it: two spaces, a newline at the end. */
export const formatJson = (value: unknown): string => JSON.stringify(value, null, 2) + "\n";

/** Reads a file that must hold a JSON object. */
export const readJson: (
  file: string,
) => Effect.Effect<JsonObject, WeightsError, FileSystem.FileSystem> = Effect.fnUntraced(
  function* (file) {
    const fs = yield* FileSystem.FileSystem;
    return yield* parseObject(file, yield* fs.readFileString(file).pipe(refuse(file)));
  },
);

/** The text of a file, or undefined where there is none. */
export const readIfPresent: (
  file: string,
) => Effect.Effect<string | undefined, WeightsError, FileSystem.FileSystem> = Effect.fnUntraced(
  function* (file) {
    const fs = yield* FileSystem.FileSystem;
    return yield* fs.readFileString(file).pipe(
      Effect.catchIf(isAbsent, () => Effect.succeed(undefined)),
      refuse(file),
    );
  },
);

/** The objects of a file of one a line, as far as its lines are whole; none where there is no file. */
export const readJsonLines = <Line>(
  file: string,
): Effect.Effect<ReadonlyArray<Line>, WeightsError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const parsed = parseJsonLines((yield* readIfPresent(file)) ?? "");
    const lines = yield* Effect.mapError(Effect.fromResult(parsed), ({ line, text }) => {
      const found = JSON.stringify(text.slice(0, 40));
      const problem = `Expected a JSON object but found ${found}: mend or remove the line`;
      return new WeightsError({
        reason: { _tag: "Unreadable", file: `${file}:${line}`, problem },
      });
    });
    return lines.map(({ json }) => json as Line);
  });

/** Parses a JSON object; `file` names it in messages. */
export const parseObject = (file: string, text: string): Effect.Effect<JsonObject, WeightsError> =>
  Effect.try({
    try: () => JSON.parse(text) as unknown,
    catch: () => malformed(file, "content", "JSON", JSON.stringify(text.slice(0, 40))),
  }).pipe(Effect.filterOrFail(
    (json): json is JsonObject => typeof json === "object" && json !== null && !Array.isArray(json),
    () => malformed(file, "content", "a JSON object", JSON.stringify(text.slice(0, 40))),
  ));

const isAbsent = (error: PlatformError.PlatformError): boolean => error.reason._tag === "NotFound";

/** Turns a platform failure into one that names the file and says what is wrong with it. */
export const refuse = (
  file: string,
): <A, R>(
  effect: Effect.Effect<A, PlatformError.PlatformError, R>,
) => Effect.Effect<A, WeightsError, R> =>
  Effect.mapError((error: PlatformError.PlatformError) =>
    new WeightsError({ reason: { _tag: "Unreadable", file, problem: fileProblem(error) } })
  );

/** The failure of a file whose `part` is not what it should be. */
export const malformed = (
  file: string,
  part: string,
  expected: string,
  actual: string,
): WeightsError =>
  new WeightsError({ reason: { _tag: "Malformed", file, part, expected, actual } });
