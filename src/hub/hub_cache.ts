/**
 * The cache that all of the hub's libraries share:
 * `models--org--name/{blobs/<etag>, snapshots/<commit>/<file> → blob, refs/<branch>, .no_exist/<commit>/<file>}`.
 * @module
 */
import { getRepoFolderName } from "@huggingface/hub";
import { Effect, FileSystem, Path, type PlatformError } from "effect";
import { writeWhole } from "../files/write_whole.ts";
import { fileProblem } from "../weights/file_problem.ts";
import { type HubError, hubError } from "./hub_error.ts";
import type { RemoteFile } from "./hub_client.ts";
import { indexFile, type RepoFiles, shardsOf, singleFile } from "./repo_files.ts";

/** What a snapshot lacks. */
export interface Gaps {
  /** Files without which nothing can be loaded. */
  readonly missing: ReadonlyArray<string>;
  /** Optional files of which nobody has asked whether the repository has them. */
  readonly unknown: ReadonlyArray<string>;
}

/** The part of the cache that belongs to one repository. */
export interface HubCache {
  readonly directory: string;
  /** Where the snapshot of a commit lies. */
  readonly snapshot: (commit: string) => string;
  /** Where the content that `etag` names lies. */
  readonly blob: (etag: string) => string;
  /** The commit that a branch or tag stood for when it was last asked. */
  readonly commitOf: (revision: string) => Effect.Effect<string | undefined, HubError>;
  readonly setCommit: (revision: string, commit: string) => Effect.Effect<void, HubError>;
  /** Whether the content of a file is there, whole. */
  readonly holds: (file: RemoteFile) => Effect.Effect<boolean, HubError>;
  readonly gaps: (commit: string, kind: RepoFiles) => Effect.Effect<Gaps, HubError>;
  /** Puts a blob into a snapshot. */
  readonly link: (commit: string, file: string, etag: string) => Effect.Effect<void, HubError>;
  /** Notes that the commit has no such file. */
  readonly setAbsent: (commit: string, file: string) => Effect.Effect<void, HubError>;
}

/** Turns a platform failure into one that names the path. */
export const refuse = (
  path: string,
): <A, R>(
  effect: Effect.Effect<A, PlatformError.PlatformError, R>,
) => Effect.Effect<A, HubError, R> =>
  Effect.mapError((error) => hubError({ _tag: "Unusable", path, problem: fileProblem(error) }));

const isAbsent = ({ reason }: PlatformError.PlatformError): boolean => reason._tag === "NotFound";

/** The cache of `repo` in the folder `cache`. */
export const openCache = (
  cache: string,
  repo: string,
): Effect.Effect<HubCache, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const directory = path.join(cache, getRepoFolderName({ type: "model", name: repo }));
    const snapshot = (commit: string): string => path.join(directory, "snapshots", commit);
    const blob = (etag: string): string => path.join(directory, "blobs", etag);
    const absent = (commit: string, file: string): string =>
      path.join(directory, ".no_exist", commit, file);
    const ref = (revision: string): string => path.join(directory, "refs", revision);
    // Not `exists`, which takes a link to nothing for a file.
    const sizeOf = (file: string) =>
      fs.stat(file).pipe(
        Effect.map(({ size }) => Number(size)),
        Effect.catchIf(isAbsent, () => Effect.succeed(undefined)),
        refuse(file),
      );
    const has = (file: string) => Effect.map(sizeOf(file), (size) => size !== undefined);
    const read = (file: string) =>
      fs.readFileString(file).pipe(
        Effect.catchIf(isAbsent, () => Effect.succeed(undefined)),
        refuse(file),
      );
    const write = (file: string, text: string) =>
      fs.makeDirectory(path.dirname(file), { recursive: true }).pipe(
        Effect.andThen(writeWhole(file, text)),
        Effect.provideService(FileSystem.FileSystem, fs),
        refuse(file),
      );
    const gaps = Effect.fnUntraced(function* (commit: string, kind: RepoFiles) {
      const lacks = (name: string) =>
        Effect.map(has(path.join(snapshot(commit), name)), (there) => !there);
      const index = yield* read(path.join(snapshot(commit), indexFile(kind)));
      const whole = !(yield* lacks(singleFile(kind)));
      const weights = whole ? [] : index === undefined ? undefined : shardsOf(index);
      const needed = [kind.config, ...weights ?? [singleFile(kind)]];
      const optional = yield* Effect.filter(kind.optional, lacks);
      return {
        missing: yield* Effect.filter(needed, lacks),
        unknown: yield* Effect.filter(
          optional,
          (name) => Effect.map(has(absent(commit, name)), (known) => !known),
        ),
      };
    });
    const holds = ({ etag, size }: RemoteFile) =>
      Effect.map(sizeOf(blob(etag)), (there) => there === size);
    const link = Effect.fnUntraced(function* (commit: string, file: string, etag: string) {
      const pointer = path.join(snapshot(commit), file);
      yield* fs.makeDirectory(snapshot(commit), { recursive: true }).pipe(refuse(pointer));
      yield* fs.remove(pointer, { force: true }).pipe(refuse(pointer));
      const target = path.join("..", "..", "blobs", etag);
      // Where links are not allowed the file itself goes there, as the Python library does it.
      yield* fs.symlink(target, pointer).pipe(
        Effect.catch(() => fs.rename(blob(etag), pointer)),
        refuse(pointer),
      );
    });
    return {
      ...{ directory, snapshot, blob, holds, gaps, link },
      commitOf: (revision) => Effect.map(read(ref(revision)), (text) => text?.trim()),
      setCommit: (revision, commit) => write(ref(revision), commit),
      setAbsent: (commit, file) => write(absent(commit, file), ""),
    };
  });
