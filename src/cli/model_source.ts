/** What `--model` and `--adapter` name: a directory, or a repository on the hub, downloaded first. @module */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import { shippedBase } from "../config/model_config.ts";
import type { HubName } from "../hub/hub_client.ts";
import { type HubError, hubError } from "../hub/hub_error.ts";
import { progressOnStderr } from "./progress_bar.ts";
import type { Run } from "./verb.ts";

/** Where a model or adapter lies on this machine, and how to find the very same one again. */
export interface Source {
  readonly directory: string;
  /** What was asked for; of a hub name, with the commit: `org/name@<40 hex digits>`. */
  readonly source: string;
  /** `org/name`, as adapters record their base; the directory where it is none of the hub's. */
  readonly name: string;
}

/** The services that finding a source takes. */
export type SourceServices = FileSystem.FileSystem | Path.Path | Stdio.Stdio;

/**
 * The directory of the model that `source` names. The shipped base is found from any working directory:
 * it lies beside `module`, this file unless told.
 */
export const resolveModel = (
  source: string,
  module: string = import.meta.url,
): Effect.Effect<Source, HubError, SourceServices> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const found = source !== shippedBase || (yield* isThere(fs, source));
    return found ? yield* resolve(source, "modelFiles") : yield* shipped(module);
  });

/** The directory of the adapter that `source` names. */
export const resolveAdapter = (
  source: string,
): Effect.Effect<Source, HubError, SourceServices> => resolve(source, "adapterFiles");

/** The options of a verb that loads a model. */
interface ModelOptions {
  readonly model: string;
  readonly adapter?: string | undefined;
}

/** `run` with directories, whatever `--model` and `--adapter` name. */
export const onModel = <Options extends ModelOptions, E, R>(
  run: Run<Options, E, R>,
): Run<Options, E | HubError, R | SourceServices> =>
(options) =>
  Effect.gen(function* () {
    const model = yield* resolveModel(options.model);
    const adapter = options.adapter === undefined
      ? undefined
      : yield* resolveAdapter(options.adapter);
    return yield* run({
      ...options,
      model: model.directory,
      ...adapter ? { adapter: adapter.directory } : {},
    });
  });

/**
 * The repository and revision of `org/name[@revision]`; what else the text is, where it is none. `main` is
 * the revision of a name without one.
 */
export const parseHubName = (source: string): HubName | string => {
  if (/^[./\\~]/.test(source)) return "there is no such directory";
  const match = /^([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/.exec(source);
  const [, repo, revision = "main"] = match ?? [];
  if (repo === undefined) return "is neither";
  // Both become paths in the cache: no step up, nothing hidden, no `--`, which stands for a slash there.
  const [wildRepo, wildRevision] = [/(^|\/)[.-]|[.-](\/|$)|--|\.\./, /(^|\/)\.|\.\.|\/\/|^\/|\/$/];
  return wildRepo.test(repo) || wildRevision.test(revision) ? "is neither" : { repo, revision };
};

const isThere = (fs: FileSystem.FileSystem, file: string): Effect.Effect<boolean> =>
  Effect.orElseSucceed(fs.exists(file), () => false);

// A path that reads like a name on the hub, where nobody has it: it is never asked for there.
const shipped = Effect.fnUntraced(function* (module: string) {
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
  const place = new URL(`../../${shippedBase}`, module);
  if (place.protocol === "file:") {
    const directory = yield* Effect.orDie(path.fromFileUrl(place));
    if (yield* isThere(fs, directory)) return { directory, source: shippedBase, name: shippedBase };
  }
  const problem =
    "the base model that the repository ships, found neither in the working directory " +
    `nor as files at ${place}; give --model DIR or org/name, or run from a copy of the repository`;
  return yield* hubError({ _tag: "Unusable", path: shippedBase, problem });
});

const resolve = Effect.fnUntraced(function* (source: string, kind: "modelFiles" | "adapterFiles") {
  const fs = yield* FileSystem.FileSystem;
  const found = yield* Effect.option(fs.stat(source));
  if (found._tag === "Some") {
    if (found.value.type === "Directory") return { directory: source, source, name: source };
    const problem = "is a file; give the directory that it lies in";
    return yield* hubError({ _tag: "NoSource", source, problem });
  }
  const name = parseHubName(source);
  if (typeof name === "string") {
    return yield* hubError({ _tag: "NoSource", source, problem: name });
  }
  // The hub's library takes its time to start, so that only those who need it load it.
  const [{ download }, { hubSettings }, files] = yield* Effect.promise(() =>
    Promise.all([
      import("../hub/download.ts"),
      import("../hub/hub_settings.ts"),
      import("../hub/repo_files.ts"),
    ])
  );
  const settings = yield* hubSettings(Deno.env.toObject());
  const progress = yield* progressOnStderr;
  const { directory, revision } = yield* download(name, files[kind], settings, progress);
  return { directory, source: `${name.repo}@${revision}`, name: name.repo };
});
