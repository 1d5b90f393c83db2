import assert from "node:assert/strict";
import { Effect, FileSystem, PlatformError } from "effect";
import { platform } from "../../src/platform.ts";
import { fileProblem } from "../../src/weights/file_problem.ts";

type Use = (
  fs: FileSystem.FileSystem,
  at: string,
) => Effect.Effect<unknown, PlatformError.PlatformError>;

// In the directory `at` lie a file, `file`, and a link to itself, `loop`.
const uses: Readonly<Record<string, readonly [use: Use, problem: string]>> = {
  "reads what there is not": [(fs, at) => fs.readFileString(`${at}/none`), "no such file"],
  "reads a directory": [(fs, at) => fs.readFileString(at), "is a directory; give a file"],
  "reads below a file": [
    (fs, at) => fs.readFileString(`${at}/file/x`),
    "is, or lies in, a file that should be a directory; choose another path",
  ],
  "reads a link to itself": [
    (fs, at) => fs.readFileString(`${at}/loop`),
    "is a link that leads to itself; give what it should lead to",
  ],
  "reads no path": [
    (fs) => fs.readFileString(""),
    "the path is empty; name a file or a directory",
  ],
  "makes a directory where a file is": [
    (fs, at) => fs.makeDirectory(`${at}/file`, { recursive: true }),
    "is a file and no directory; choose another path, or remove the file",
  ],
  "lists a file": [
    (fs, at) => fs.readDirectory(`${at}/file`),
    "is, or lies in, a file that should be a directory; choose another path",
  ],
  "writes into a directory that there is not": [
    (fs, at) => fs.writeFileString(`${at}/none/x`, ""),
    "its directory does not exist; make it, or choose another path",
  ],
  "writes under too long a name": [
    (fs, at) => fs.writeFileString(`${at}/${"x".repeat(300)}`, ""),
    "the path is too long; choose a shorter one",
  ],
};

for (const [name, [use, problem]] of Object.entries(uses)) {
  Deno.test(`fileProblem() says what is wrong when one ${name}`, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const at = yield* fs.makeTempDirectoryScoped();
      yield* fs.writeFileString(`${at}/file`, "");
      yield* fs.symlink(`${at}/loop`, `${at}/loop`);
      assert.equal(fileProblem(yield* Effect.flip(use(fs, at))), problem);
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
}

Deno.test("fileProblem() goes by the tag where the system's name is not told", () => {
  const of = (_tag: "NotFound" | "PermissionDenied" | "TimedOut") =>
    fileProblem(PlatformError.systemError({ _tag, module: "FileSystem", method: "stat" }));
  assert.equal(of("NotFound"), "no such file");
  assert.match(of("PermissionDenied"), /^permission denied; /);
  assert.equal(of("TimedOut"), "TimedOut: FileSystem.stat");
});
