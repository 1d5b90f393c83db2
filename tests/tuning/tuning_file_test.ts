import assert from "node:assert/strict";
import { Effect, FileSystem, type Path, type Scope } from "effect";
import { platform } from "../../src/platform.ts";
import {
  readTuning,
  type TuningFile,
  tuningFile,
  tuningOf,
  writeTuning,
} from "../../src/tuning/tuning_file.ts";

const content: TuningFile = {
  adapter: { name: "A GPU", software: false, subgroupSize: 32, wideLoads: false },
  kernels: "abc",
  products: {
    "NT f32 64x256x1024": {
      ...{ configuration: "shared 64x64x16", builtIn: "subgroup 16" },
      ...{ gflops: 123.5, gain: 1.25 },
    },
  },
};

const inFolder = (
  body: (
    folder: string,
  ) => Effect.Effect<void, unknown, FileSystem.FileSystem | Path.Path | Scope.Scope>,
): Promise<void> =>
  Effect.gen(function* () {
    yield* body(yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped());
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise);

Deno.test("readTuning() reads what writeTuning() wrote, and nothing where there is no file", () =>
  inFolder((folder) =>
    Effect.gen(function* () {
      const file = `${folder}/delia/tuning/a-gpu.json`;
      const read = readTuning(file, content.adapter, Effect.succeed("abc"));
      assert.deepEqual(yield* read, { _tag: "None" });
      yield* writeTuning(file, content);
      assert.deepEqual(yield* read, { _tag: "Read", products: content.products });
      const fs = yield* FileSystem.FileSystem;
      assert.deepEqual(yield* fs.readDirectory(`${folder}/delia/tuning`), ["a-gpu.json"]);
    })
  ));

Deno.test("readTuning() ignores a foreign or broken file and says why in one line", () =>
  inFolder((folder) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const file = `${folder}/tuning.json`;
      const [measured] = Object.values(content.products);
      const unknown = { x: { ...measured, configuration: "subgroup 3" } };
      const cases: ReadonlyArray<readonly [string, RegExp]> = [
        ["{", /holds no measurements \(no JSON\)/],
        ["[]", /holds no measurements \(.*\)/],
        [
          JSON.stringify({ ...content, products: unknown }),
          /holds no measurements .*configuration/,
        ],
        [JSON.stringify({ ...content, kernels: "abd" }), /was measured with other kernels/],
        [
          JSON.stringify({ ...content, adapter: { ...content.adapter, subgroupSize: 64 } }),
          /was measured on another adapter \(subgroupSize 64, not 32\)/,
        ],
      ];
      for (const [text, expected] of cases) {
        yield* fs.writeFileString(file, text);
        const found = yield* readTuning(file, content.adapter, Effect.succeed("abc"));
        assert(found._tag === "Ignored", text);
        assert.match(found.why, expected);
        assert.match(found.why, /^[^\n]+: `deno task delia tune` measures again$/);
        assert(found.why.startsWith(file));
      }
      yield* fs.remove(file);
      yield* fs.makeDirectory(file);
      const folderFound = yield* readTuning(file, content.adapter, Effect.succeed("abc"));
      assert(folderFound._tag === "Ignored");
      assert.match(folderFound.why, /cannot be read/);
    })
  ));

Deno.test("tuningFile() lies in the user's cache, a file an adapter", async () => {
  const name = "llvmpipe (LLVM 15.0.6, 256 bits)";
  const at = (environment: Readonly<Record<string, string>>, adapter = name): Promise<string> =>
    tuningFile(environment, { name: adapter }).pipe(Effect.provide(platform), Effect.runPromise);
  const file = "delia/tuning/llvmpipe-llvm-15-0-6-256-bits.json";
  assert.equal(await at({ HOME: "/u" }), `/u/.cache/${file}`);
  assert.equal(await at({ HOME: "/u", XDG_CACHE_HOME: "/x" }), `/x/${file}`);
  assert.equal(await at({ USERPROFILE: "/u" }), `/u/.cache/${file}`);
  assert.equal(await at({ HOME: "/u" }, "?"), "/u/.cache/delia/tuning/unnamed.json");
});

Deno.test("tuningOf() answers for the class of a product, and not for others", () => {
  const { configurationOf } = tuningOf(content.products);
  const asked = { layout: "NT", format: "f32", rows: 33, depth: 256, cols: 600 } as const;
  assert.equal(configurationOf(asked), "shared 64x64x16");
  assert.equal(configurationOf({ ...asked, rows: 65 }), undefined);
  assert.equal(configurationOf({ ...asked, format: "q8" }), undefined);
});
