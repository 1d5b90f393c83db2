/** From a name on the hub to a directory on this machine: `org/name@revision` → a snapshot in the cache. @module */
import { Effect, FileSystem, type Path } from "effect";
import { type Progress, silent } from "../report/progress.ts";
import { downloadFile } from "./download_file.ts";
import { type HubCache, openCache, refuse } from "./hub_cache.ts";
import { commitOf, filesOf, type HubName, isCommit, type RemoteFile } from "./hub_client.ts";
import { type HubError, hubError } from "./hub_error.ts";
import type { HubSettings } from "./hub_settings.ts";
import { choose, indexFile, type RepoFiles, shardsOf } from "./repo_files.ts";

/** A repository's files at one commit, on this machine. */
export interface Snapshot {
  readonly directory: string;
  /** The commit, of which the files are. */
  readonly revision: string;
}

/** The services that a download takes. */
export type DownloadServices = FileSystem.FileSystem | Path.Path;

/**
 * Makes sure that the cache holds the files of `name` that `kind` asks for. A commit that is there
 * completely is taken without asking anybody; of a branch or tag the hub is asked for its commit, and where
 * the hub cannot be reached, what the cache holds is taken and said. A download that was interrupted goes
 * on where it stopped.
 */
export const download: (
  name: HubName,
  kind: RepoFiles,
  settings: HubSettings,
  progress: Progress,
) => Effect.Effect<Snapshot, HubError, DownloadServices> = Effect.fnUntraced(
  function* (name, kind, settings, progress) {
    const { repo, revision } = name;
    const cache = yield* openCache(settings.cache, repo);
    const known = isCommit(revision) ? revision : yield* cache.commitOf(revision);
    const { missing, unknown } = known === undefined
      ? { missing: [`refs/${revision}`], unknown: [] }
      : yield* cache.gaps(known, kind);
    const cached = known !== undefined && missing.length === 0
      ? { directory: cache.snapshot(known), revision: known }
      : undefined;
    if (settings.offline) {
      const { directory } = cache;
      return cached ?? (yield* hubError({ _tag: "NotCached", repo, revision, directory, missing }));
    }
    if (cached && isCommit(revision) && unknown.length === 0) return cached;
    return yield* fetchSnapshot(name, kind, cache, settings, progress).pipe(
      Effect.catchIf(
        ({ reason }) => reason._tag === "Unreachable" && cached !== undefined,
        ({ message }) => {
          const { revision: commit } = cached!;
          progress.say(
            `${message}; using ${repo}@${commit.slice(0, 12)} from the cache, which may ` +
              `not be the newest of ${revision}`,
          );
          return Effect.succeed(cached!);
        },
      ),
    );
  },
);

const fetchSnapshot = Effect.fnUntraced(function* (
  name: HubName,
  kind: RepoFiles,
  cache: HubCache,
  settings: HubSettings,
  progress: Progress,
) {
  const { repo, revision } = name;
  const commit = isCommit(revision) ? revision : yield* commitOf(name, settings);
  const pinned = { repo, revision: commit };
  const { missing, unknown } = yield* cache.gaps(commit, kind);
  if (missing.length > 0 || unknown.length > 0) {
    const held = yield* filesOf(pinned, settings);
    const choice = choose(name, kind, held);
    if (choice instanceof Error) return yield* choice;
    const index = choice.files.find(({ path }) => path === indexFile(kind));
    const shards = index ? yield* fetchIndex(pinned, index, held, cache, settings) : [];
    yield* fetchFiles(pinned, [...choice.files, ...shards], cache, settings, progress);
    yield* Effect.forEach(choice.absent, (file) => cache.setAbsent(commit, file));
  }
  if (revision !== commit) yield* cache.setCommit(revision, commit);
  return { directory: cache.snapshot(commit), revision: commit };
});

/** Downloads the index of shards; the files that it names. */
const fetchIndex = Effect.fnUntraced(function* (
  name: HubName,
  index: RemoteFile,
  held: ReadonlyArray<RemoteFile>,
  cache: HubCache,
  settings: HubSettings,
) {
  yield* fetchFiles(name, [index], cache, settings, silent);
  const fs = yield* FileSystem.FileSystem;
  const file = cache.blob(index.etag);
  const shards = shardsOf(yield* fs.readFileString(file).pipe(refuse(file)));
  if (!shards) {
    const problem = `${index.path} of ${name.repo} names no files of weights beside it`;
    return yield* hubError({ _tag: "Unusable", path: file, problem });
  }
  const byPath = new Map(held.map((file) => [file.path, file]));
  const missing = shards.find((shard) => !byPath.has(shard));
  if (missing === undefined) return shards.map((shard) => byPath.get(shard)!);
  const holds = [...byPath.keys()];
  return yield* hubError({ _tag: "MissingFile", ...name, file: missing, holds });
});

/** Downloads the files whose content the cache does not hold yet, and puts all of them into the snapshot. */
const fetchFiles = Effect.fnUntraced(function* (
  name: HubName,
  files: ReadonlyArray<RemoteFile>,
  cache: HubCache,
  settings: HubSettings,
  progress: Progress,
) {
  const absent = yield* Effect.filter(
    files,
    (file) => Effect.map(cache.holds(file), (there) => !there),
  );
  const total = absent.reduce((sum, { size }) => sum + size, 0);
  const [unit, bytes] = total < 1e7 ? ["kB", 1e3] as const : ["MB", 1e6] as const;
  const part = absent.length === 0
    ? undefined
    : progress.begin(`${name.repo}@${name.revision.slice(0, 12)}`, Math.ceil(total / bytes), unit);
  let before = 0;
  for (const file of absent) {
    yield* downloadFile(
      name,
      file,
      cache,
      settings,
      (done) => part?.advance(Math.floor((before + done) / bytes), file.path),
    );
    before += file.size;
  }
  part?.end("");
  yield* Effect.forEach(files, ({ path, etag }) => cache.link(name.revision, path, etag));
});
