/** Runs a test in a folder of its own. @module */
import { Effect, FileSystem } from "effect";
import { type Platform, platform } from "../../src/platform.ts";

/** A `Deno.test` whose body is given a folder that goes with it. */
export const inFolder = (
  name: string,
  body: (at: string) => Effect.Effect<void, unknown, Platform>,
): void =>
  Deno.test(name, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      yield* body(yield* fs.makeTempDirectoryScoped());
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
