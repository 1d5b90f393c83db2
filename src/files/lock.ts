/** A lock that is held by way of a file, and that ends with its process however that ends. @module */
import { Effect, FileSystem, type PlatformError, type Scope } from "effect";

/**
 * Takes the lock `file` until the scope closes, and says whether it could: somebody else may hold it. The
 * system keeps the lock, not the presence of the file: a process that was killed leaves a file that
 * nobody holds. Where the file system has no locks it warns, and counts the lock as taken.
 */
export const takeLock: (
  file: string,
) => Effect.Effect<boolean, PlatformError.PlatformError, FileSystem.FileSystem | Scope.Scope> =
  Effect.fnUntraced(function* (file) {
    const fs = yield* FileSystem.FileSystem;
    for (;;) {
      // By the service, whose failures say what is wrong with the file.
      yield* fs.writeFile(file, new Uint8Array(), { flag: "a" });
      const attempt = yield* Effect.acquireRelease(
        Effect.promise(() => lockOnce(file)),
        (attempt) => Effect.promise(() => letGo(file, attempt)),
      );
      if (attempt.state === "unlockable") {
        yield* Effect.logWarning(
          `${file}: cannot be locked (${attempt.problem}); start nothing else that writes there`,
        );
      }
      if (attempt.state !== "removed") return attempt.state !== "taken";
    }
  });

type Attempt =
  | { readonly state: "held"; readonly handle: Deno.FsFile }
  | { readonly state: "taken" }
  /** Whoever held it removed it in between. */
  | { readonly state: "removed" }
  | { readonly state: "unlockable"; readonly problem: string };

const lockOnce = async (file: string): Promise<Attempt> => {
  const handle = await Deno.open(file, { write: true }).catch(absent);
  if (handle === undefined) return { state: "removed" };
  const attempt = await handle.tryLock(true).then(
    async (locked): Promise<Attempt> => {
      if (!locked) return { state: "taken" };
      // A lock of a file that has lost its name keeps nobody out.
      const [mine, named] = [await handle.stat(), await Deno.stat(file).catch(absent)];
      return named && named.ino === mine.ino ? { state: "held", handle } : { state: "removed" };
    },
    (cause): Attempt => ({ state: "unlockable", problem: String(cause) }),
  );
  if (attempt.state !== "held") handle.close();
  return attempt;
};

const absent = (cause: unknown): undefined => {
  if (cause instanceof Deno.errors.NotFound) return undefined;
  throw cause;
};

// The file goes while the lock is still held; a system that removes no open file keeps it, empty.
const letGo = async (file: string, attempt: Attempt): Promise<void> => {
  if (attempt.state !== "held") return;
  await Deno.remove(file).catch(() => {});
  attempt.handle.close();
};
