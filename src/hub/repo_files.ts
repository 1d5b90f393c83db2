/** Which files of a repository a model or an adapter needs. @module */
import { type HubError, hubError } from "./hub_error.ts";
import type { HubName, RemoteFile } from "./hub_client.ts";

/** The files of one kind of repository. */
export interface RepoFiles {
  /** Without it the repository is refused. */
  readonly config: string;
  /** Taken where the repository has them. */
  readonly optional: ReadonlyArray<string>;
  /** Stem of the weights: one `.safetensors`, or an index and the shards that it names. */
  readonly weights: string;
}

const tokenizer = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
];

/** Files of a model. */
export const modelFiles: RepoFiles = {
  config: "config.json",
  optional: ["generation_config.json", ...tokenizer],
  weights: "model",
};

/** Files of an adapter. */
export const adapterFiles: RepoFiles = {
  config: "adapter_config.json",
  optional: ["delia.json", ...tokenizer],
  weights: "adapter_model",
};

/** Name of the one file of weights. */
export const singleFile = ({ weights }: RepoFiles): string => `${weights}.safetensors`;

/** Name of the index of shards. */
export const indexFile = ({ weights }: RepoFiles): string => `${weights}.safetensors.index.json`;

/** The shards that the text of an index names; undefined where it is no index. */
export const shardsOf = (index: string): ReadonlyArray<string> | undefined => {
  try {
    const { weight_map: map } = JSON.parse(index) as { readonly weight_map?: unknown };
    const shards = [...new Set(Object.values(map as Readonly<Record<string, unknown>>))];
    const named = shards.every((shard): shard is string =>
      typeof shard === "string" && /^[\w.-]+\.safetensors$/.test(shard)
    );
    return named && shards.length > 0 ? shards : undefined;
  } catch {
    return undefined;
  }
};

/** What to take of a repository. */
export interface Choice {
  readonly files: ReadonlyArray<RemoteFile>;
  /** Optional files that the repository does not have. */
  readonly absent: ReadonlyArray<string>;
}

/** Chooses from the files that a repository holds; of weights in shards, only the index. */
export const choose = (
  { repo, revision }: HubName,
  kind: RepoFiles,
  held: ReadonlyArray<RemoteFile>,
): Choice | HubError => {
  const byPath = new Map(held.map((file) => [file.path, file]));
  const weights = [singleFile(kind), indexFile(kind)].find((name) => byPath.has(name));
  const needed = [kind.config, weights ?? singleFile(kind)];
  const missing = needed.find((name) => !byPath.has(name));
  if (missing !== undefined) {
    const holds = [...byPath.keys()];
    return hubError({ _tag: "MissingFile", repo, revision, file: missing, holds });
  }
  return {
    files: [...kind.optional, ...needed].flatMap((name) => byPath.get(name) ?? []),
    absent: kind.optional.filter((name) => !byPath.has(name)),
  };
};
