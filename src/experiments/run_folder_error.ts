/** What can be wrong with folders of runs, to be read or to be written. @module */
import { type Cause, Data } from "effect";

/** Why a {@linkcode RunFolderError} happened; match on `_tag`. */
export type RunFolderReason =
  /** There is no such folder, or it holds something else. */
  | { readonly _tag: "NotARun"; readonly folder: string; readonly found: string }
  | { readonly _tag: "NothingDone"; readonly folders: ReadonlyArray<string> }
  | {
    readonly _tag: "MixedKinds";
    readonly kinds: ReadonlyArray<{ readonly folder: string; readonly kind: string }>;
  }
  /** A roofline is that of one run. */
  | { readonly _tag: "OneWanted"; readonly found: number }
  /** A sweep's folder that holds a sweep of other settings. */
  | { readonly _tag: "OtherSweep"; readonly folder: string }
  /** A run's folder that holds a run of other settings. */
  | { readonly _tag: "OtherSettings"; readonly folder: string }
  /** A folder, or file, that another process writes to. */
  | { readonly _tag: "InUse"; readonly place: string }
  /** A folder to write to that holds something else. */
  | { readonly _tag: "NotEmpty"; readonly folder: string; readonly found: string };

const RunFolderErrorBase: new (fields: { readonly reason: RunFolderReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "RunFolderError"; readonly reason: RunFolderReason } = Data.TaggedError(
    "RunFolderError",
  );

const explain = (reason: RunFolderReason): string => {
  switch (reason._tag) {
    case "NotARun":
      return `${reason.folder}: expected the folder of a run of train, experiment, probe or sweep, ` +
        `found ${reason.found}`;
    case "NothingDone":
      return `${reason.folders.join(", ")}: expected a training that is finished, found none; ` +
        "go on with --resume DIR";
    case "MixedKinds": {
      const list = reason.kinds.map(({ folder, kind }) => `  ${folder}: ${kind}`).join("\n");
      return `The runs are of different kinds and have no table in common; compare those of one ` +
        `kind\n${list}`;
    }
    case "OneWanted":
      return `--roofline: expected one run, found ${reason.found}; give a run's folder alone`;
    case "OtherSweep":
      return `${reason.folder}: expected no sweep or this one, found a sweep of other settings; ` +
        "choose another --out, or go on with --resume DIR";
    case "OtherSettings":
      return `${reason.folder}: the folder holds a run with other settings; choose another --out, or ` +
        "go on with its own by --resume DIR";
    case "InUse":
      return `${reason.place}: another process is writing there; wait until it ends, or choose ` +
        "another --out";
    case "NotEmpty":
      return `${reason.folder}: expected an empty folder or a run of the same kind, found ` +
        `${reason.found}; choose another --out`;
  }
};

/** The error of folders of runs. Its message says what was expected and what was found. */
export class RunFolderError extends RunFolderErrorBase {
  override get message(): string {
    return explain(this.reason);
  }
}
