/**
 * A hub on this machine: answers as the real one does to what its library asks, remembers every request,
 * and fails where a test wants it to.
 * @module
 */
import { createHash } from "node:crypto";
import { Effect, type Scope } from "effect";

/** What a hub holds and how it behaves; a test may change all of it while it runs. */
export interface HubContent {
  readonly repo: string;
  /** Commits by branch. */
  branches: Record<string, string>;
  /** Files by name; every commit has the same. */
  files: Record<string, Uint8Array>;
  /** Token without which nothing is given. */
  token?: string;
  /** What happens to the next requests for a file's bytes, one each, by the file's name. */
  faults: Record<string, Array<Fault>>;
  /** Status that every request gets. */
  status?: number;
}

/** How a request for bytes goes wrong. */
export type Fault =
  /** The connection breaks after so many bytes. */
  | { readonly _tag: "Cut"; readonly after: number }
  /** The answer ends, as if whole, after so many bytes. */
  | { readonly _tag: "Short"; readonly after: number }
  /** So many bytes more than the file has. */
  | { readonly _tag: "Long"; readonly more: number }
  /** One byte is another. */
  | { readonly _tag: "Flip" }
  /** All of the file, whatever part was asked for. */
  | { readonly _tag: "NoRange" }
  /** Nothing comes. */
  | { readonly _tag: "Stall" };

/** One request that the hub, or the server that it redirects to for large files, has had. */
export interface Asked {
  readonly server: "hub" | "cdn";
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

/** A hub that listens. */
export interface HubServer {
  readonly endpoint: string;
  readonly asked: Array<Asked>;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const gitHash = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

const isLarge = (name: string): boolean => /\.safetensors$|^tokenizer\.json$/.test(name);

/** The name that the cache gives to the content of a file. */
export const etagOf = (name: string, bytes: Uint8Array): string =>
  isLarge(name) ? sha256(bytes) : gitHash(bytes);

/** Starts a hub of one repository; it stops with the scope. */
export const hubServer = (content: HubContent): Effect.Effect<HubServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const asked: Array<Asked> = [];
    const note = (server: "hub" | "cdn", request: Request): URL => {
      const url = new URL(request.url);
      const [range, authorization] = ["range", "authorization"].map((name) =>
        request.headers.get(name)
      );
      asked.push({ server, path: url.pathname, range: range!, authorization: authorization! });
      return url;
    };
    const cdn = yield* listen((request) => {
      const name = note("cdn", request).pathname.slice(1);
      return bytesOf(request, content.files[name]!, content.faults[name], {
        ETag: `"${name}"`,
        "X-Cache": "Hit from cloudfront", // so that the library gives this address out
      });
    });
    const endpoint = yield* listen((request) =>
      answer(content, cdn, request, note("hub", request))
    );
    return { endpoint, asked };
  });

const listen = (
  handler: (request: Request) => Response,
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      Deno.serve({
        ...{ hostname: "127.0.0.1", port: 0, onListen: () => {} },
        onError: () => new Response(null, { status: 500 }),
      }, handler)
    ),
    (server) => Effect.promise(() => server.shutdown()),
  ).pipe(Effect.map(({ addr }) => `http://127.0.0.1:${addr.port}`));

const refusal = (status: number, code: string): Response =>
  Response.json({ error: code }, { status, headers: { "X-Error-Code": code } });

const answer = (content: HubContent, cdn: string, request: Request, url: URL): Response => {
  const { repo, branches, files, token, status } = content;
  if (status !== undefined) return new Response("broken", { status });
  const [, api, path] = /^(\/api\/models)?\/(.*)$/.exec(decodeURIComponent(url.pathname))!;
  if (token !== undefined && request.headers.get("authorization") !== `Bearer ${token}`) {
    return refusal(401, "GatedRepo");
  }
  if (!path!.startsWith(`${repo}/`)) return refusal(404, "RepoNotFound");
  const [verb, ...rest] = path!.slice(repo.length + 1).split("/");
  const asked = verb === "resolve" ? rest.slice(0, -1).join("/") : rest.join("/");
  const commit = branches[asked] ?? Object.values(branches).find((commit) => commit === asked);
  if (commit === undefined) return refusal(404, "RevisionNotFound");
  if (api && verb === "revision") {
    return Response.json({ _id: "1", id: repo, sha: commit, lastModified: "2026-01-01T00:00:00Z" });
  }
  if (api && verb === "tree") {
    return Response.json([
      { type: "directory", path: "onnx", size: 0, oid: "0".repeat(40) },
      ...list(files),
    ]);
  }
  const name = rest.at(-1)!;
  const bytes = files[name];
  if (!bytes) return refusal(404, "EntryNotFound");
  const headers = { "X-Repo-Commit": commit, ETag: `"${etagOf(name, bytes)}"` };
  if (!isLarge(name)) return bytesOf(request, bytes, content.faults[name], headers);
  const linked = { "X-Linked-Size": `${bytes.length}`, "X-Linked-ETag": `"${sha256(bytes)}"` };
  // Newer storage describes itself to a client that knows it.
  if (request.headers.get("accept")?.includes("xet-fileinfo") && name !== "tokenizer.json") {
    const at = url.origin;
    return new Response("{}", {
      headers: {
        ...headers,
        ...linked,
        "Content-Type": "application/vnd.xet-fileinfo+json",
        "X-Xet-Hash": "1".repeat(64),
        Link: `<${at}/auth>; rel="xet-auth", <${at}/info>; rel="xet-reconstruction-info"`,
      },
    });
  }
  return new Response(null, {
    status: 302,
    headers: { ...headers, ...linked, Location: `${cdn}/${name}` },
  });
};

const list = (files: Readonly<Record<string, Uint8Array>>): ReadonlyArray<unknown> =>
  Object.entries(files).map(([path, bytes]) => ({
    ...{ type: "file", path, size: bytes.length, oid: gitHash(bytes) },
    ...isLarge(path)
      ? {
        lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 },
        xetHash: "1".repeat(64),
      }
      : {},
  }));

/** A file's bytes, or the range that is asked for; a request for the first byte alone meets no fault. */
const bytesOf = (
  request: Request,
  bytes: Uint8Array,
  faults: Array<Fault> | undefined,
  headers: Readonly<Record<string, string>> = {},
): Response => {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
  const [start, end] = [Number(range?.[1] ?? 0), Number(range?.[2] || bytes.length - 1) + 1];
  const fault = range?.[2] ? undefined : faults?.shift();
  if (range && start >= bytes.length) return new Response(null, { status: 416 });
  const whole = !range || fault?._tag === "NoRange";
  const part = new Uint8Array(whole ? bytes : bytes.subarray(start, end));
  if (fault?._tag === "Flip") part[part.length >> 1]! ^= 1;
  const answered = {
    status: whole ? 200 : 206,
    headers: {
      ...headers,
      ...whole ? {} : { "Content-Range": `bytes ${start}-${end - 1}/${bytes.length}` },
    },
  };
  switch (fault?._tag) {
    case "Cut": {
      const length = { "Content-Length": `${part.length}` };
      return new Response(cut(part.subarray(0, fault.after)), {
        ...answered,
        headers: { ...answered.headers, ...length },
      });
    }
    case "Short":
      return new Response(part.slice(0, fault.after), answered);
    case "Long":
      return new Response(Uint8Array.from([...part, ...new Uint8Array(fault.more)]), answered);
    case "Stall":
      return new Response(new ReadableStream(), answered);
    default:
      return new Response(part, answered);
  }
};

/** A body that breaks off after `bytes`. */
const cut = (bytes: Uint8Array): ReadableStream<Uint8Array> => {
  let sent = false;
  return new ReadableStream({
    async pull(controller) {
      if (sent) {
        // What was sent before is on its way; an error at once would overtake it.
        await new Promise((resolve) => setTimeout(resolve, 50));
        controller.error(new Error("cut"));
      } else {
        sent = true;
        controller.enqueue(bytes);
      }
    },
  });
};
