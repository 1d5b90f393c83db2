/** What can go wrong between a name on the hub and files on this machine. @module */
import { type Cause, Data } from "effect";

/** Why a {@linkcode HubError} happened; match on `_tag`. Sizes are in bytes. */
export type HubReason =
  /** Neither a directory nor a name that the hub could have. */
  | { readonly _tag: "NoSource"; readonly source: string; readonly problem: string }
  | {
    readonly _tag: "Refused";
    readonly repo: string;
    readonly status: number;
    /** Whether a token was sent. */
    readonly token: boolean;
  }
  | {
    readonly _tag: "NotFound";
    readonly repo: string;
    readonly revision: string;
    /** What the hub does not have, as far as it says. */
    readonly what: "repository" | "revision" | "either";
  }
  | {
    readonly _tag: "MissingFile";
    readonly repo: string;
    readonly revision: string;
    readonly file: string;
    /** Files that the repository has. */
    readonly holds: ReadonlyArray<string>;
  }
  | { readonly _tag: "Unreachable"; readonly endpoint: string; readonly problem: string }
  | { readonly _tag: "BadAnswer"; readonly endpoint: string; readonly problem: string }
  | {
    readonly _tag: "Broken";
    readonly file: string;
    readonly kept: number;
    readonly total: number;
    readonly problem: string;
  }
  | {
    readonly _tag: "Corrupt";
    readonly file: string;
    readonly expected: string;
    readonly actual: string;
  }
  | {
    readonly _tag: "DiskFull";
    readonly file: string;
    readonly directory: string;
    readonly kept: number;
    readonly total: number;
  }
  | { readonly _tag: "Unusable"; readonly path: string; readonly problem: string }
  | {
    readonly _tag: "NotCached";
    readonly repo: string;
    readonly revision: string;
    readonly directory: string;
    readonly missing: ReadonlyArray<string>;
  };

const HubErrorBase: new (fields: { readonly reason: HubReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "HubError"; readonly reason: HubReason } = Data.TaggedError("HubError");

const explain = (reason: HubReason): string => {
  switch (reason._tag) {
    case "NoSource":
      return `"${reason.source}" should be a directory or a name on the hub (org/name or ` +
        `org/name@revision) but ${reason.problem}`;
    case "Refused":
      return `${reason.repo}: the hub refuses access (status ${reason.status}) ` +
        (reason.token
          ? "to the token that was sent; it may be private or gated, or not exist: check the name, " +
            "accept its licence on its page, and set HF_TOKEN to a token that may read it"
          : "without a token; it may be private or gated, or not exist: check the name, accept its " +
            "licence on its page, and set HF_TOKEN to a token of yours");
    case "NotFound":
      return {
        repository: `${reason.repo}: there is neither such a directory nor such a repository on ` +
          "the hub; check the name",
        revision: `${reason.repo}: the repository has no revision "${reason.revision}"; give a ` +
          "branch, a tag or a commit that it has after the @",
        either: `${reason.repo}: the hub has no such repository, or it has no revision ` +
          `"${reason.revision}"; check both`,
      }[reason.what];
    case "MissingFile":
      return `${reason.repo}: revision ${reason.revision} should hold ${reason.file} but holds ` +
        `${list(reason.holds)}${remedyFor(reason.file, reason.holds)}`;
    case "Unreachable":
      return `${reason.endpoint} cannot be reached: ${reason.problem}`;
    case "BadAnswer":
      return `${reason.endpoint} should answer as a hub does but ${reason.problem}`;
    case "Broken":
      return `${reason.file}: the download broke off (${reason.problem}); ${
        size(reason.kept, reason.total)
      } are kept, run again to go on from there`;
    case "Corrupt":
      return `${reason.file}: what was downloaded should be ${reason.expected} but is ` +
        `${reason.actual}; it was deleted, run again to download it anew`;
    case "DiskFull":
      return `${reason.file}: no space is left in ${reason.directory}; ${
        size(reason.kept, reason.total)
      } are kept, make room (or point HF_HOME elsewhere) and run again to go on from there`;
    case "Unusable":
      return `${reason.path}: ${reason.problem}`;
    case "NotCached":
      return `${reason.repo}@${reason.revision}: HF_HUB_OFFLINE is set but ${reason.directory} ` +
        `lacks ${list(reason.missing)}; unset it and run once with a network`;
  }
};

const list = (names: ReadonlyArray<string>): string => {
  const [shown, more] = [names.slice(0, 8), names.length - 8];
  return shown.length === 0 ? "nothing" : shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
};

const remedyFor = (file: string, holds: ReadonlyArray<string>): string => {
  if (!file.endsWith(".safetensors")) return "";
  return holds.some((name) => /\.(bin|pt|pth|ckpt)$/.test(name))
    ? "; pickled weights are not read: load the model in Python once, write it with " +
      "save_pretrained(directory, safe_serialization=True), and give that directory"
    : "; choose a repository with safetensors weights";
};

const size = (kept: number, total: number): string =>
  total < 1e6
    ? `${kept} of ${total} bytes`
    : `${(kept / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;

/** The one error of the `hub` folder. Its message names the thing, what was found, and what to do. */
export class HubError extends HubErrorBase {
  override get message(): string {
    return explain(this.reason);
  }
}

/** The failure for `reason`. */
export const hubError = (reason: HubReason): HubError => new HubError({ reason });
