/** Removes a folder that nothing was put into. @module */
import { Effect } from "effect";

/**
 * Removes `directory` if it is empty. Not by the `FileSystem` service, which removes a folder only with
 * whatever is in it: with what another process has put there in the meantime, too.
 */
export const removeIfEmpty = (directory: string): Effect.Effect<void> =>
  Effect.promise(() => Deno.remove(directory).catch(() => {}));
