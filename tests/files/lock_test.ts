import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { takeLock } from "../../src/files/lock.ts";
import { inFolder } from "../support/in_folder.ts";

inFolder(
  "takeLock() lets one hold a lock at a time, and removes its file behind the last",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const file = `${at}/.lock`;
      const take = Effect.scoped(takeLock(file));
      yield* Effect.scoped(Effect.gen(function* () {
        assert.equal(yield* takeLock(file), true);
        assert.equal(yield* take, false);
        assert.equal(yield* take, false, "one that was refused let the lock go");
      }));
      assert.equal(yield* fs.exists(file), false);
      assert.equal(yield* take, true);
    }),
);

inFolder(
  "takeLock() is refused by another process, until that is killed",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const file = `${at}/.lock`;
      const holder = new Deno.Command(Deno.execPath(), {
        args: [
          ...["eval", "--no-lock"],
          `const f = await Deno.open(${JSON.stringify(file)}, { create: true, write: true });
         await f.lock(true); console.log("held"); setInterval(() => {}, 1e9);`,
        ],
        stdout: "piped",
      }).spawn();
      const said = holder.stdout.getReader();
      yield* Effect.promise(() => said.read());
      const take = Effect.scoped(takeLock(file));
      assert.equal(yield* take, false);
      holder.kill("SIGKILL");
      yield* Effect.promise(() => holder.status);
      yield* Effect.promise(() => said.cancel());
      assert.equal(yield* fs.exists(file), true);
      assert.equal(yield* take, true);
    }),
);

inFolder("takeLock() names a file that it cannot make", (at) =>
  Effect.gen(function* () {
    const { message } = yield* Effect.flip(Effect.scoped(takeLock(`${at}/none/.lock`)));
    assert.match(message, /none\/\.lock/);
  }));
