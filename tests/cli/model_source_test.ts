import assert from "node:assert/strict";
import { Effect, FileSystem, type Scope } from "effect";
import { inspectData } from "../../src/cli/inspect.ts";
import { onModel, parseHubName, resolveAdapter, resolveModel } from "../../src/cli/model_source.ts";
import { goingOn } from "../../src/cli/run_flags.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { type Platform, platform } from "../../src/platform.ts";
import type { HubContent } from "../support/hub_server.ts";
import { hubServer } from "../support/hub_server.ts";
import { tinyFiles } from "../support/tiny_tokenizer.ts";

const commit = "c".repeat(40);
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A `Deno.test` with a hub that the environment names, and a directory that holds the cache. */
const withHub = (
  name: string,
  body: (
    content: HubContent,
    directory: string,
  ) => Effect.Effect<void, unknown, Platform | Scope.Scope>,
): void =>
  Deno.test(name, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const directory = yield* fs.makeTempDirectoryScoped();
      const { tokenizer, config } = tinyFiles();
      const files = {
        "config.json": json({ model_type: "none" }),
        "tokenizer.json": json(tokenizer),
        "tokenizer_config.json": json(config),
        "model.safetensors": new Uint8Array(9),
        "adapter_config.json": json({}),
        "adapter_model.safetensors": new Uint8Array(8),
      };
      const content: HubContent = {
        ...{ repo: "org/name", branches: { main: commit }, files, faults: {} },
      };
      const { endpoint } = yield* hubServer(content);
      const wanted = { HF_ENDPOINT: endpoint, HF_HOME: directory, HF_HUB_CACHE: "", HF_TOKEN: "" };
      const before = Object.keys(wanted).map((key) => [key, Deno.env.get(key)] as const);
      for (const [key, value] of Object.entries(wanted)) Deno.env.set(key, value);
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          for (const [key, value] of before) {
            if (value === undefined) Deno.env.delete(key);
            else Deno.env.set(key, value);
          }
        })
      );
      yield* body(content, directory);
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("parseHubName() takes org/name and org/name@revision, and nothing that leaves the cache", () => {
  const names: ReadonlyArray<readonly [string, string, string]> = [
    ["org/name", "org/name", "main"],
    ["O-r_g/na.me-1.5B@v1.0", "O-r_g/na.me-1.5B", "v1.0"],
    ["org/name@refs/pr/1", "org/name", "refs/pr/1"],
  ];
  for (const [source, repo, revision] of names) {
    assert.deepEqual(parseHubName(source), { repo, revision });
  }
  for (
    const source of ["gpt2", "a/b/c", "a/b@", "a/b@c d", "a/..", "a/b@../c", "a/b@/c", "a--b/c"]
  ) {
    assert.equal(parseHubName(source), "is neither", source);
  }
  for (const source of ["./models", "../org", "~/models"]) {
    assert.equal(parseHubName(source), "there is no such directory");
  }
});

withHub(
  "resolveModel() takes a directory before a name, else downloads and pins it",
  (_, at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const local = { directory: "fixtures/base", source: "fixtures/base", name: "fixtures/base" };
      assert.deepEqual(yield* resolveModel("fixtures/base"), local); // it looks like a name
      const { directory, source, name } = yield* resolveModel("org/name");
      assert.deepEqual([source, name], [`org/name@${commit}`, "org/name"]);
      assert.equal(directory, `${at}/hub/models--org--name/snapshots/${commit}`);
      assert.ok(yield* fs.exists(`${directory}/tokenizer.json`));
      assert.deepEqual(yield* resolveModel(source), { directory, source, name });
      yield* resolveAdapter("org/name");
      assert.ok(yield* fs.exists(`${directory}/adapter_model.safetensors`));
    }),
);

Deno.test("resolveModel() finds the shipped base beside its module, and never asks a hub for it", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const [repository, elsewhere] = [Deno.cwd(), yield* fs.makeTempDirectoryScoped()];
    yield* Effect.addFinalizer(() => Effect.sync(() => Deno.chdir(repository)));
    yield* Effect.sync(() => Deno.chdir(elsewhere));
    const [source, name] = ["fixtures/base", "fixtures/base"];
    const directory = `${repository}/fixtures/base`;
    assert.deepEqual(yield* resolveModel(source), { directory, source, name });
    for (
      const module of ["https://jsr.io/@a/b/1/src/cli/x.ts", `file://${elsewhere}/src/cli/x.ts`]
    ) {
      const { message } = yield* Effect.flip(resolveModel(source, module));
      const place = new URL("../../fixtures/base", module);
      assert.ok(message.startsWith("fixtures/base: the base model that the repository ships"));
      assert.ok(message.includes(`nor as files at ${place}; give --model DIR or org/name, or run`));
    }
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

withHub("resolveModel() says what a source should be", () =>
  Effect.gen(function* () {
    const says = (source: string, pattern: RegExp) =>
      Effect.map(
        Effect.flip(resolveModel(source)),
        ({ message }) => assert.match(message, pattern),
      );
    yield* says("nowhere", /^"nowhere" should be a directory or a name on the hub .* is neither$/);
    yield* says("./nowhere", /but there is no such directory$/);
    yield* says("deno.json", /but is a file; give the directory that it lies in$/);
    yield* says("org/typo", /^org\/typo: there is neither such a directory nor such a repository/);
  }));

withHub(
  "onModel() gives a verb the directory of what the hub names",
  (_, at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const data = `${at}/chats.jsonl`;
      const messages = [
        { role: "user", content: "what is red" },
        { role: "assistant", content: "use the format" },
      ];
      yield* fs.writeFileString(data, JSON.stringify({ messages }));
      const { text } = yield* onModel(inspectData)({ model: "org/name", data, maxTokens: 64 });
      assert.match(text, /red/);
    }),
);

withHub(
  "runTrain() records the commit of its model, and resumes with the same",
  (content, at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      for (
        const file of [
          "config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "model.safetensors",
        ]
      ) {
        content.files[file] = yield* fs.readFile(`fixtures/base/${file}`);
      }
      const { resume: _, ...options } = goingOn("");
      const failure = yield* Effect.flip(runTrain({
        ...{ ...options, model: "org/name", out: `${at}/run`, resume: undefined },
        set: ["data.phrasings=nowhere.txt"], // missed only when the run has begun
      }));
      assert.match(failure.message, /nowhere\.txt/);
      const config = JSON.parse(yield* fs.readFileString(`${at}/run/config.json`));
      assert.deepEqual(config.model.source, `org/name@${commit}`);
      content.branches["main"] = "d".repeat(40);
      const again = yield* Effect.flip(
        runTrain(goingOn(`${at}/run`)),
      );
      assert.deepEqual(again.message, failure.message);
      assert.deepEqual(
        JSON.parse(yield* fs.readFileString(`${at}/run/config.json`)).model,
        config.model,
      );
    }),
);
