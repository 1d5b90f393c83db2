/** What is asked of the hub, through its own library: which commit, which files, the bytes of one. @module */
import {
  fileDownloadInfo,
  HUB_URL,
  HubApiError,
  listFiles,
  modelInfo,
  REGEX_COMMIT_HASH,
} from "@huggingface/hub";
import { Effect, type Scope } from "effect";
import { type HubError, hubError } from "./hub_error.ts";
import type { HubSettings } from "./hub_settings.ts";

/** A repository of the hub at a branch, tag or commit. */
export interface HubName {
  /** `org/name` */
  readonly repo: string;
  readonly revision: string;
}

/** A file of a repository, as the hub lists it. */
export interface RemoteFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Names the content: SHA-256 (64 hex digits), or Git's SHA-1 of a blob (40). */
  readonly etag: string;
}

/** The bytes of a file from `start` on. */
export interface RemoteBytes {
  /** Offset of the first byte: what was asked for, or 0 where the server knows no ranges. */
  readonly start: number;
  readonly body: ReadableStream<Uint8Array>;
}

/** Whether `revision` is a full commit hash, whose content never changes. */
export const isCommit = (revision: string): boolean => REGEX_COMMIT_HASH.test(revision);

/** The commit that the revision stands for now. */
export const commitOf = (
  { repo, revision }: HubName,
  settings: HubSettings,
): Effect.Effect<string, HubError> =>
  ask(
    { repo, revision },
    settings,
    (common) => modelInfo({ ...common, name: repo, revision, additionalFields: ["sha"] }),
  )
    .pipe(
      Effect.filterOrFail(
        ({ sha }) => isCommit(sha),
        ({ sha }) => badAnswer(settings, `gives "${sha}" as a commit`),
      ),
      Effect.map(({ sha }) => sha),
      Effect.scoped,
    );

/** The files at the top of the repository. */
export const filesOf = (
  name: HubName,
  settings: HubSettings,
): Effect.Effect<ReadonlyArray<RemoteFile>, HubError> =>
  ask(name, settings, async (common) => {
    const files: Array<RemoteFile> = [];
    for await (const entry of listFiles({ ...common, ...name })) {
      const { type, path, size, oid = "", lfs } = entry;
      if (type === "file") files.push({ path, size, etag: lfs?.oid ?? oid });
    }
    return files;
  }).pipe(
    // An etag becomes the name of a file.
    Effect.filterOrFail(
      (files) => files.every(({ etag }) => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)),
      () => badAnswer(settings, "gives something else than hashes of files"),
    ),
    Effect.scoped,
  );

/** Opens a file for reading from byte `start` on; the connection closes with the scope. */
export const openRemote: (
  name: HubName,
  path: string,
  start: number,
  settings: HubSettings,
) => Effect.Effect<RemoteBytes, HubError, Scope.Scope> = Effect.fnUntraced(
  function* (name, path, start, settings) {
    const info = yield* ask(
      name,
      settings,
      (common) => fileDownloadInfo({ ...common, ...name, path }),
    ).pipe(Effect.scoped);
    if (info === null) {
      return yield* hubError({
        _tag: "MissingFile",
        repo: name.repo,
        revision: name.revision,
        file: path,
        holds: [],
      });
    }
    const response = yield* ask(name, settings, async ({ fetch }) => {
      const range = start > 0 ? { Range: `bytes=${start}-` } : {};
      const response = await fetch(info.url, { headers: range });
      if (response.ok) return response;
      throw new HubApiError(info.url, response.status);
    });
    const from = response.status === 206
      ? Number(/^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "")?.[1] ?? NaN)
      : 0;
    if ((from !== 0 && from !== start) || !response.body) {
      return yield* badAnswer(settings, `sends other bytes of ${path} than from ${start} on`);
    }
    return { start: from, body: response.body };
  },
);

/** What every call of the library is given. */
interface Common {
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
}

/**
 * Calls the library with a `fetch` that sends the token to the hub alone, gives up after
 * `settings.timeout` without an answer, and whose connections close with the scope.
 */
const ask = <A>(
  { repo, revision }: HubName,
  settings: HubSettings,
  call: (common: Common) => Promise<A>,
): Effect.Effect<A, HubError, Scope.Scope> =>
  Effect.gen(function* () {
    const { endpoint: hubUrl = HUB_URL, token } = settings;
    const abort = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (controller) => Effect.sync(() => controller.abort()),
    );
    // The library keeps neither of these in its errors.
    let lost: unknown;
    let code = "";
    const send: typeof fetch = async (input, init) => {
      const headers = new Headers(init?.headers);
      const own = new URL(String(input)).origin === new URL(hubUrl).origin;
      if (token !== undefined && own) headers.set("Authorization", `Bearer ${token}`);
      try {
        const response = await fetch(input, { ...init, headers, signal: abort.signal });
        code = response.headers.get("X-Error-Code") ?? "";
        return response;
      } catch (error) {
        lost = error;
        throw error;
      }
    };
    const explain = (error: unknown): HubError => {
      if (lost !== undefined) return unreachable(hubUrl, describe(lost));
      if (!(error instanceof HubApiError)) return badAnswer(settings, describe(error));
      const { statusCode: status } = error;
      if (status === 401 || status === 403) {
        return hubError({ _tag: "Refused", repo, status, token: token !== undefined });
      }
      if (status === 404) {
        const what = code === "RepoNotFound"
          ? "repository"
          : code === "RevisionNotFound"
          ? "revision"
          : "either";
        return hubError({ _tag: "NotFound", repo, revision, what });
      }
      return unreachable(hubUrl, `it answers with status ${status}`);
    };
    return yield* Effect.tryPromise({
      try: () => call({ hubUrl, fetch: send }),
      catch: explain,
    }).pipe(
      Effect.timeoutOrElse({
        duration: `${settings.timeout} seconds`,
        orElse: () => Effect.fail(unreachable(hubUrl, `no answer in ${settings.timeout} s`)),
      }),
    );
  });

const unreachable = (endpoint: string, problem: string): HubError =>
  hubError({ _tag: "Unreachable", endpoint, problem });

const badAnswer = ({ endpoint = HUB_URL }: HubSettings, problem: string): HubError =>
  hubError({ _tag: "BadAnswer", endpoint, problem });

/** The message of an error and of what caused it, which alone says why a connection failed. */
export const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
};
