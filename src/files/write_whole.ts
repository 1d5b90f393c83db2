/** Writes a file so that nobody ever finds half of it. @module */
import { Effect, FileSystem, type PlatformError } from "effect";

/**
 * Writes `content` to `file`, whole or not at all: it is written beside it, as `<file>.part`, and gets
 * its name when it is on the disk. Whoever dies meanwhile leaves what was there before.
 */
export const writeWhole: (
  file: string,
  content: string | Uint8Array,
) => Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem> = Effect.fnUntraced(
  function* (file, content) {
    const fs = yield* FileSystem.FileSystem;
    const part = `${file}.part`;
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    yield* Effect.scoped(Effect.gen(function* () {
      const handle = yield* fs.open(part, { flag: "w" });
      if (bytes.length > 0) yield* handle.writeAll(bytes);
      // Before it gets its name: a machine that stops here leaves no empty file under it.
      yield* handle.sync;
    }));
    yield* fs.rename(part, file);
  },
);
