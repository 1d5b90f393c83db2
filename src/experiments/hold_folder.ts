/** A folder that one run at a time writes to: taken empty, or as a run left it. @module */
import { Effect, FileSystem, Path, type Scope } from "effect";
import { takeLock } from "../files/lock.ts";
import { removeIfEmpty } from "../files/remove_empty.ts";
import { refuse } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { RunFolderError } from "./run_folder_error.ts";

const lockName = ".lock";

// What runs and models leave in a folder; a log beside them is nobody's loss.
const ofRuns = /\.(jsonl?|html|safetensors)$|^(adapter|checkpoints?)$/;

/**
 * Makes `directory` where there is none and keeps every other run out of it until the scope closes.
 * Gives the names in it. Fails where another run is in it, or where there is what runs leave and no `own`,
 * the file by which a folder is known to be of this kind: what others made is not written over. A folder
 * that was made here and is still empty when the scope closes goes again.
 */
export const holdFolder = (
  directory: string,
  own: string,
): Effect.Effect<
  ReadonlyArray<string>,
  RunFolderError | WeightsError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> =>
  Effect.gen(function* () {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const there = yield* fs.exists(directory).pipe(refuse(directory));
    yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
    if (!there) yield* Effect.addFinalizer(() => removeIfEmpty(directory));
    const lock = path.join(directory, lockName);
    if (!(yield* takeLock(lock).pipe(refuse(lock)))) {
      return yield* new RunFolderError({ reason: { _tag: "InUse", place: directory } });
    }
    const names = yield* fs.readDirectory(directory).pipe(refuse(directory));
    const found = names.filter((name) => ofRuns.test(name)).sort();
    if (found.length === 0 || found.includes(own)) return found;
    const list = found.length > 3 ? [...found.slice(0, 3), "…"] : found;
    return yield* notEmpty(directory, list.join(", "));
  });

/** The failure of a folder with something else in it. */
export const notEmpty = (folder: string, found: string): RunFolderError =>
  new RunFolderError({ reason: { _tag: "NotEmpty", folder, found } });
