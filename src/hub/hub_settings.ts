/** Where the hub and its cache are, from the environment, by the rules of the hub's Python library. @module */
import { Effect, FileSystem, Path } from "effect";
import { fileProblem } from "../weights/file_problem.ts";
import { type HubError, hubError } from "./hub_error.ts";

/** Where the hub and its cache are, and how patient to be. */
export interface HubSettings {
  /** Root of the hub's addresses; undefined: the library's own. */
  readonly endpoint?: string;
  /** Folder of `models--org--name`. */
  readonly cache: string;
  /** Sent to the endpoint, and to nobody that it redirects to. */
  readonly token?: string;
  /** Ask nobody; take what the cache holds. */
  readonly offline: boolean;
  /** Seconds without an answer, or without a byte of one, after which a connection counts as broken. */
  readonly timeout: number;
  /** Seconds before a broken download is taken up again; each further time twice as long. */
  readonly pause: number;
}

/** Variables of the environment by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Settings from `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and the token of `HF_TOKEN`,
 * or else of the file that a login leaves (`HF_TOKEN_PATH`).
 */
export const hubSettings: (
  environment: Environment,
) => Effect.Effect<HubSettings, HubError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (environment) {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const first = (...names: ReadonlyArray<string>): string | undefined =>
      names.map((name) => environment[name]).find((value) => value !== undefined && value !== "");
    const user = first("HOME", "USERPROFILE") ?? ".";
    const place = (value: string): string => value.replace(/^~(?=[/\\]|$)/, user);
    const caches = first("XDG_CACHE_HOME") ?? path.join(user, ".cache");
    const home = place(first("HF_HOME") ?? path.join(caches, "huggingface"));
    const cache = place(first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? path.join(home, "hub"));
    const file = place(first("HF_TOKEN_PATH") ?? path.join(home, "token"));
    const stored = yield* fs.readFileString(file).pipe(
      Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeed("")),
      Effect.mapError((error) => {
        const problem = `the token cannot be read: ${fileProblem(error)}`;
        return hubError({ _tag: "Unusable", path: file, problem });
      }),
    );
    const token = (first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") ?? stored).trim();
    const endpoint = first("HF_ENDPOINT")?.replace(/\/+$/, "");
    if (endpoint !== undefined && !URL.canParse(endpoint)) {
      const problem = "HF_ENDPOINT should be an address such as http://127.0.0.1:8080";
      return yield* hubError({ _tag: "Unusable", path: endpoint, problem });
    }
    return {
      cache: path.resolve(cache),
      offline: /^(1|on|yes|true)$/i.test(first("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") ?? ""),
      timeout: 30,
      pause: 1,
      ...endpoint === undefined ? {} : { endpoint },
      ...token === "" ? {} : { token },
    };
  },
);
