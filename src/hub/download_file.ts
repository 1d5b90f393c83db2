/** One file of a repository into the cache: resumed where it broke off, and checked before it counts. @module */
import { createHash } from "node:crypto";
import { Effect, FileSystem, Path, type PlatformError, Schedule, Stream } from "effect";
import { type HubCache, refuse } from "./hub_cache.ts";
import { type HubName, openRemote, type RemoteFile } from "./hub_client.ts";
import { type HubError, hubError, type HubReason } from "./hub_error.ts";
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
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
  const blob = cache.blob(file.etag);
  const partial = `${blob}.incomplete`;
  const directory = path.dirname(blob);
  yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
  const before = yield* fs.exists(partial).pipe(refuse(partial));
  const { size } = before ? yield* fs.stat(partial).pipe(refuse(partial)) : { size: 0 };
  if (Number(size) > file.size) yield* fs.truncate(partial, 0).pipe(refuse(partial));

  const sink = yield* fs.open(partial, { flag: "a" }).pipe(refuse(partial));
  let hash = hashFor(file);
  let kept = 0;
  const take = (bytes: Uint8Array): void => {
    hash.update(bytes);
    kept += bytes.length;
    onBytes(kept);
  };
  yield* fs.stream(partial).pipe(
    Stream.runForEach((bytes) => Effect.sync(() => take(bytes))),
    refuse(partial),
  );
  const fail = (reason: HubReason) => Effect.fail(hubError(reason));
  const broken = (problem: string): HubError =>
    hubError({ _tag: "Broken", file: file.path, kept, total: file.size, problem });
  const full = ({ message, cause }: PlatformError.PlatformError): HubError =>
    (cause as { readonly code?: string } | undefined)?.code === "ENOSPC"
      ? hubError({ _tag: "DiskFull", file: file.path, directory, kept, total: file.size })
      : hubError({ _tag: "Unusable", path: partial, problem: message });

  if (kept < file.size) {
    const { start, body } = yield* openRemote(name, file.path, kept, settings);
    if (start !== kept) { // a server without ranges sends all of it again
      yield* sink.truncate(0).pipe(refuse(partial));
      [hash, kept] = [hashFor(file), 0];
    }
    const patience = {
      duration: `${settings.timeout} seconds`,
      orElse: () => Stream.fail(broken(`no byte in ${settings.timeout} s`)),
    } as const;
    yield* Stream.fromReadableStream({
      evaluate: () => body,
      onError: (error) => broken(error instanceof Error ? error.message : String(error)),
    }).pipe(
      Stream.timeoutOrElse(patience),
      Stream.takeWhile(() => kept <= file.size),
      Stream.runForEach((bytes) =>
        Effect.map(Effect.mapError(sink.writeAll(bytes), full), () => take(bytes))
      ),
    );
    if (kept < file.size) return yield* broken("the answer ended early");
  }
  const actual = kept > file.size ? `${kept} bytes or more` : `${kind(file)} ${hash.digest("hex")}`;
  const expected = kept > file.size ? `${file.size} bytes` : `${kind(file)} ${file.etag}`;
  if (actual !== expected) {
    yield* fs.remove(partial).pipe(refuse(partial));
    return yield* fail({ _tag: "Corrupt", file: file.path, expected, actual });
  }
  yield* fs.rename(partial, blob).pipe(refuse(blob));
});

const kind = ({ etag }: RemoteFile): "SHA-256" | "Git's SHA-1" =>
  etag.length === 64 ? "SHA-256" : "Git's SHA-1";

/** What a file's etag is computed with: Git hashes a header before the content. */
const hashFor = ({ etag, size }: RemoteFile): ReturnType<typeof createHash> =>
  etag.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
