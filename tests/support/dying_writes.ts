/** A file system on which a process dies while it writes. @module */
import { Effect, FileSystem } from "effect";

/**
 * Runs `effect` in a process that dies in the middle of writing a file whose path matches `file`: half
 * of the content is there, or all of it under another name.
 */
export const dyingIn = (
  file: RegExp,
): <A, E, R>(
  effect: Effect.Effect<A, E, R>,
) => Effect.Effect<void, never, R | FileSystem.FileSystem> =>
(effect) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const died = Effect.die(new Error("the process died"));
    const exit = yield* Effect.exit(Effect.provideService(effect, FileSystem.FileSystem, {
      ...fs,
      writeFile: (path, bytes, options) =>
        file.test(path)
          ? Effect.andThen(fs.writeFile(path, bytes.subarray(0, bytes.length / 2), options), died)
          : fs.writeFile(path, bytes, options),
      writeFileString: (path, text, options) =>
        file.test(path)
          ? Effect.andThen(fs.writeFileString(path, text.slice(0, text.length / 2), options), died)
          : fs.writeFileString(path, text, options),
      rename: (from, to) => file.test(to) ? died : fs.rename(from, to),
    }));
    if (exit._tag === "Success") return yield* Effect.die(new Error(`nothing wrote ${file}`));
  });
