/** One file of a repository into the cache: resumed where it broke off, and checked before it counts. @module */
import { createHash } from "node:crypto";
import { Effect, FileSystem, Path, type PlatformError, Schedule, Stream } from "effect";
import { fileProblem } from "../weights/file_problem.ts";
import { type HubCache, refuse } from "./hub_cache.ts";
import { describe, type HubName, openRemote, type RemoteFile } from "./hub_client.ts";
import { type HubError, hubError } from "./hub_error.ts";
import type { HubSettings } from "./hub_settings.ts";

/**
 * Brings the content of `file` into the cache's blobs. Its bytes gather in `<blob>.incomplete`, which
 * survives any failure; the file takes its name when size and hash are right. `onBytes` is told how many
 * bytes of the file are there.
 */
export const downloadFile = (
  name: HubName,
  file: RemoteFile,
  cache: HubCache,
  settings: HubSettings,
  onBytes: (bytes: number) => void,
): Effect.Effect<void, HubError, FileSystem.FileSystem | Path.Path> =>
  attempt(name, file, cache, settings, onBytes).pipe(
    Effect.scoped,
    Effect.retry({
      times: 3,
      schedule: Schedule.exponential(`${settings.pause} seconds`),
      while: ({ reason }) => reason._tag === "Broken",
    }),
  );

const attempt = Effect.fnUntraced(function* (
  name: HubName,
  file: RemoteFile,
  cache: HubCache,
  settings: HubSettings,
  onBytes: (bytes: number) => void,
) {
  const fs = yield* FileSystem.FileSystem;
  const blob = cache.blob(file.etag);
  const partial = `${blob}.incomplete`;
  const gathered = yield* openPartial(partial, file, onBytes);
  if (gathered.kept() < file.size) yield* receive(name, file, gathered, settings);
  const actual = gathered.digest();
  const expected = `${hashName(file)} ${file.etag}`;
  if (actual !== expected) {
    yield* fs.remove(partial).pipe(refuse(partial));
    return yield* hubError({ _tag: "Corrupt", file: file.path, expected, actual });
  }
  yield* fs.rename(partial, blob).pipe(refuse(blob));
});

/** What there is of a file. */
interface Partial {
  /** Bytes. */
  readonly kept: () => number;
  readonly add: (bytes: Uint8Array) => Effect.Effect<void, HubError>;
  readonly clear: Effect.Effect<void, HubError>;
  /** The hash of all of it, with its name. */
  readonly digest: () => string;
}

/** Opens the file that bytes gather in, with those of an earlier run; it closes with the scope. */
const openPartial = Effect.fnUntraced(function* (
  partial: string,
  file: RemoteFile,
  onBytes: (bytes: number) => void,
) {
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
  const directory = path.dirname(partial);
  yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
  const sink = yield* fs.open(partial, { flag: "a" }).pipe(refuse(partial));
  let hash = hashOf(file);
  let kept = 0;
  const count = (bytes: Uint8Array): void => {
    hash.update(bytes);
    kept += bytes.length;
    onBytes(kept);
  };
  const clear = Effect.map(sink.truncate(0).pipe(refuse(partial)), () => {
    hash = hashOf(file);
    kept = 0;
  });
  const explain = (error: PlatformError.PlatformError): HubError =>
    (error.cause as { readonly code?: string } | undefined)?.code === "ENOSPC"
      ? hubError({ _tag: "DiskFull", file: file.path, directory, kept, total: file.size })
      : hubError({ _tag: "Unusable", path: partial, problem: fileProblem(error) });
  const { size } = yield* sink.stat.pipe(refuse(partial));
  if (Number(size) > file.size) yield* clear;
  yield* fs.stream(partial).pipe(
    Stream.runForEach((bytes) => Effect.sync(() => count(bytes))),
    refuse(partial),
  );
  const gathered: Partial = {
    kept: () => kept,
    add: (bytes) => Effect.map(Effect.mapError(sink.writeAll(bytes), explain), () => count(bytes)),
    clear,
    digest: () => `${hashName(file)} ${hash.digest("hex")}`,
  };
  return gathered;
});

/** Asks for the bytes that are not there yet, and adds them as they come. */
const receive = Effect.fnUntraced(function* (
  name: HubName,
  file: RemoteFile,
  { kept, add, clear }: Partial,
  settings: HubSettings,
) {
  const { timeout } = settings;
  const broken = (problem: string): HubError =>
    hubError({ _tag: "Broken", file: file.path, kept: kept(), total: file.size, problem });
  const { start, body } = yield* openRemote(name, file.path, kept(), settings).pipe(
    Effect.mapError((error) => error.reason._tag === "Unreachable" ? broken(error.message) : error),
  );
  if (start !== kept()) yield* clear; // a server without ranges sends all of it again
  yield* Stream.fromReadableStream({
    evaluate: () => body,
    onError: (error) => broken(describe(error)),
  }).pipe(
    Stream.timeoutOrElse({
      duration: `${timeout} seconds`,
      orElse: () => Stream.fail(broken(`no byte in ${timeout} s`)),
    }),
    Stream.runForEach((bytes) =>
      kept() + bytes.length > file.size
        ? Effect.andThen(clear, Effect.fail(tooLong(file)))
        : add(bytes)
    ),
  );
  if (kept() < file.size) return yield* broken("the answer ended early");
});

const tooLong = ({ path, size }: RemoteFile): HubError =>
  hubError({
    ...{ _tag: "Corrupt", file: path },
    ...{ expected: `${size} bytes`, actual: "more than those" },
  });

const hashName = ({ etag }: RemoteFile): "SHA-256" | "Git's SHA-1" =>
  etag.length === 64 ? "SHA-256" : "Git's SHA-1";

/** What a file's etag is computed with: Git hashes a header before the content. */
const hashOf = ({ etag, size }: RemoteFile): ReturnType<typeof createHash> =>
  etag.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
