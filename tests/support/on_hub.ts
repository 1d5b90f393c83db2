/** Runs a test on a hub of its own and an empty cache. @module */
import { Effect, FileSystem, type Path, type PlatformError, type Scope } from "effect";
import { download, type Snapshot } from "../../src/hub/download.ts";
import type { HubError } from "../../src/hub/hub_error.ts";
import type { HubSettings } from "../../src/hub/hub_settings.ts";
import { modelFiles, type RepoFiles } from "../../src/hub/repo_files.ts";
import { platform } from "../../src/platform.ts";
import { type Progress, silent } from "../../src/report/progress.ts";
import { type HubContent, type HubServer, hubServer } from "./hub_server.ts";

/** The commit that `main` stands for at first. */
export const commit: string = "a".repeat(40);
/** Another commit. */
export const later: string = "b".repeat(40);
/** A file of text. */
export const text = (content: string): Uint8Array => new TextEncoder().encode(content);
/** A file of so many bytes. */
export const noise = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * index + (index >> 8)) & 255);
/** Content of `model.safetensors`. */
export const weights: Uint8Array = noise(300_000);

/** The files of a model beside its weights. */
export const small: Readonly<Record<string, Uint8Array>> = {
  "config.json": text('{"model_type":"llama"}'),
  "tokenizer.json": text('{"model":{}}'),
  "tokenizer_config.json": text("{}"),
};

/** Files that no model needs. */
export const others: Readonly<Record<string, Uint8Array>> = {
  "README.md": text("# Model"),
  "pytorch_model.bin": noise(10),
  "model.gguf": noise(10),
  "consolidated.safetensors": noise(10),
};

/** A hub, a cache, and `get`, which downloads from the one into the other. */
export interface World {
  readonly content: HubContent;
  readonly server: HubServer;
  readonly settings: HubSettings;
  readonly get: (
    revision?: string,
    options?: Partial<HubSettings> & {
      readonly kind?: RepoFiles;
      readonly repo?: string;
      readonly progress?: Progress;
    },
  ) => Effect.Effect<Snapshot, HubError, FileSystem.FileSystem | Path.Path>;
  /** Requests since the last call, as `server path range`. */
  readonly requests: () => ReadonlyArray<string>;
  /** The path of what the repository has in the cache. */
  readonly at: (...names: ReadonlyArray<string>) => string;
}

/** A `Deno.test` with a hub that holds `files`, and an empty cache. */
export const onHub = (
  name: string,
  body: (
    world: World,
  ) => Effect.Effect<void, unknown, FileSystem.FileSystem | Path.Path | Scope.Scope>,
  files: Readonly<Record<string, Uint8Array>> = {
    ...small,
    ...others,
    "model.safetensors": weights,
  },
): void =>
  Deno.test(name, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const cache = yield* fs.makeTempDirectoryScoped();
      const content: HubContent = {
        ...{ repo: "org/name", branches: { main: commit }, files: { ...files }, faults: {} },
      };
      const server = yield* hubServer(content);
      const settings = {
        endpoint: server.endpoint,
        cache,
        offline: false,
        timeout: 5,
        pause: 0.01,
      };
      yield* body({
        ...{ content, server, settings },
        get: (revision = "main", { kind, repo, progress, ...changed } = {}) =>
          download(
            { repo: repo ?? "org/name", revision },
            kind ?? modelFiles,
            { ...settings, ...changed },
            progress ?? silent,
          ),
        requests: () =>
          server.asked.splice(0).map(({ server, path, range }) =>
            `${server} ${path}${range ? ` ${range}` : ""}`
          ),
        at: (...names) => [cache, "models--org--name", ...names].join("/"),
      });
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

/** The bytes of a file. */
export const read = (
  directory: string,
  name: string,
): Effect.Effect<Uint8Array, PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    return new Uint8Array(yield* fs.readFile(`${directory}/${name}`));
  });
