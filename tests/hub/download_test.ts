import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { adapterFiles } from "../../src/hub/repo_files.ts";
import { type Progress, silent } from "../../src/report/progress.ts";
import { etagOf } from "../support/hub_server.ts";
import {
  commit,
  later,
  noise,
  onHub,
  others,
  read,
  small,
  text,
  type World,
} from "../support/on_hub.ts";

onHub(
  "download() takes the files that a model needs into the layout of the cache",
  (world) =>
    Effect.gen(function* () {
      const { get, at, requests } = world;
      const fs = yield* FileSystem.FileSystem;
      const { directory, revision } = yield* get();
      assert.deepEqual([directory, revision], [at("snapshots", commit), commit]);
      const names = [...Object.keys(small), "model.safetensors"];
      assert.deepEqual((yield* fs.readDirectory(directory)).sort(), names.sort());
      for (const name of names) {
        const bytes = world.content.files[name]!;
        assert.deepEqual(yield* read(directory, name), bytes);
        const link = yield* fs.readLink(`${directory}/${name}`);
        assert.equal(link, `../../blobs/${etagOf(name, bytes)}`);
      }
      assert.equal(yield* fs.readFileString(at("refs", "main")), commit);
      assert.ok(yield* fs.exists(at(".no_exist", commit, "chat_template.jinja")));
      requests();

      yield* get(); // a branch may have moved: one question
      assert.deepEqual(requests(), ["hub /api/models/org/name/revision/main"]);
      yield* get(commit); // a commit has not
      assert.deepEqual(requests(), []);
      world.content.branches["main"] = later;
      world.content.files["config.json"] = text(`{"model_type":"mistral"}`);
      assert.equal((yield* get()).revision, later);
      const bytes = requests().filter((line) => /resolve|cdn/.test(line) && !line.includes("=0-0"));
      assert.deepEqual(bytes, [`hub /org/name/resolve/${later}/config.json`]);
      assert.deepEqual(yield* read(directory, "config.json"), small["config.json"]);
    }),
);

onHub(
  "download() follows an index to the shards, and takes no others",
  (world) =>
    Effect.gen(function* () {
      const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
      const index = { weight_map: { a: one, b: two, c: one } };
      const { files } = world.content;
      files["model.safetensors.index.json"] = text(JSON.stringify(index));
      const missing = yield* Effect.flip(world.get());
      assert.match(
        missing.message,
        /^org\/name: revision a+ should hold model-00001-of-00002\.saf/,
      );
      Object.assign(files, { [one]: noise(5000), [two]: noise(70_000), "x.safetensors": noise(9) });
      const { directory } = yield* world.get();
      assert.deepEqual(yield* read(directory, one), files[one]);
      assert.deepEqual(yield* read(directory, two), files[two]);
      const fs = yield* FileSystem.FileSystem;
      assert.equal((yield* fs.readDirectory(directory)).length, 6);
      world.requests();
      yield* world.get(commit);
      assert.deepEqual(world.requests(), []);
      yield* fs.remove(world.at("blobs", etagOf(two, files[two]!)));
      yield* world.get(commit);
      assert.equal(world.requests().filter((line) => line === `cdn /${two}`).length, 1);
      files["model.safetensors.index.json"] = text('{"weight_map":{"a":"../../x.safetensors"}}');
      world.content.branches["main"] = later;
      assert.match(
        (yield* Effect.flip(world.get())).message,
        /names no files of weights beside it$/,
      );
    }),
  small,
);

onHub(
  "download() says what to do where the hub refuses or does not know",
  (world) =>
    Effect.gen(function* () {
      const { content, get } = world;
      const says = (pattern: RegExp, ...args: Parameters<World["get"]>) =>
        Effect.map(Effect.flip(get(...args)), ({ message }) => assert.match(message, pattern));
      yield* says(/^org\/none: there is neither such a directory nor such a repository/, "main", {
        repo: "org/none",
      });
      yield* says(/^org\/name: the repository has no revision "v2"; give a branch, a tag or/, "v2");
      yield* says(/the repository has no revision "b{40}"/, later);
      yield* says(
        /revision main should hold adapter_config\.json but holds config\.json, /,
        "main",
        {
          kind: adapterFiles,
        },
      );
      content.token = "secret";
      yield* says(/status 401\) without a token; .* accept its licence .* HF_TOKEN to a token of/);
      yield* says(/status 401\) to the token that was sent; .* HF_TOKEN/, "main", {
        token: "other",
      });
      content.status = 403;
      yield* says(/status 403\)/);
      content.status = 503;
      yield* says(/^http:\/\/127.*:\d+ cannot be reached: it answers with status 503$/);
      content.status = 200;
      yield* says(/^http:\/\/127.* should answer as a hub does but /);
    }),
);

onHub(
  "download() refuses weights that are no safetensors, with the remedy",
  (world) =>
    Effect.gen(function* () {
      const pickled = yield* Effect.flip(world.get());
      assert.match(
        pickled.message,
        /should hold model\.safetensors but holds config\.json, .* README/,
      );
      assert.match(
        pickled.message,
        /pickled weights are not read: load the model in Python once, /,
      );
      delete world.content.files["pytorch_model.bin"];
      const other = yield* Effect.flip(world.get());
      assert.match(other.message, /; choose a repository with safetensors weights$/);
    }),
  { ...small, ...others },
);

onHub("download() sends the token to the hub alone", (world) =>
  Effect.gen(function* () {
    world.content.token = "secret";
    yield* world.get("main", { token: "secret" });
    const { asked } = world.server;
    assert.ok(asked.some(({ server }) => server === "cdn"));
    for (const { server, authorization } of asked) {
      assert.equal(authorization, server === "hub" ? "Bearer secret" : null);
    }
  }));

onHub(
  "download() takes the cache without a network, and says so where it was not told to",
  (world) =>
    Effect.gen(function* () {
      const { get, content, requests } = world;
      const said: Array<string> = [];
      const progress = { ...silent, say: (line: string) => void said.push(line) };
      const empty = yield* Effect.flip(get("main", { offline: true }));
      assert.match(
        empty.message,
        /^org\/name@main: HF_HUB_OFFLINE is set but .* lacks refs\/main; /,
      );
      const cut = { _tag: "Cut", after: 0 } as const;
      content.faults["model.safetensors"] = [cut, cut, cut, cut];
      yield* Effect.flip(get());
      const partial = yield* Effect.flip(get(commit, { offline: true }));
      assert.match(
        partial.message,
        /lacks config\.json, model\.safetensors; unset it and run once/,
      );
      yield* get();
      requests();
      for (const revision of ["main", commit]) {
        assert.equal((yield* get(revision, { offline: true, progress })).revision, commit);
      }
      assert.deepEqual([requests(), said], [[], []]);
      const nowhere = "http://127.0.0.1:1"; // nobody listens there
      assert.equal((yield* get("main", { endpoint: nowhere, progress })).revision, commit);
      assert.match(
        said.join(),
        /^http.* cannot be reached: .*; using org\/name@a{12} from the cache/,
      );
      const lost = yield* Effect.flip(get("other", { endpoint: nowhere }));
      assert.match(lost.message, /^http:\/\/127\.0\.0\.1:1 cannot be reached: /);
    }),
);

onHub(
  "download() takes what the Python library left, unasked where it is told not to ask",
  (world) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const snapshot = world.at("snapshots", commit);
      yield* fs.makeDirectory(snapshot, { recursive: true });
      for (const name of ["config.json", "model.safetensors"]) {
        yield* fs.writeFile(`${snapshot}/${name}`, world.content.files[name]!);
      }
      assert.equal((yield* world.get(commit, { offline: true })).directory, snapshot);
      yield* world.get(commit); // nobody knows yet whether there is a tokenizer
      assert.deepEqual(yield* read(snapshot, "tokenizer.json"), small["tokenizer.json"]);
    }),
);

onHub("download() tells how far it is", (world) =>
  Effect.gen(function* () {
    const told: Array<string> = [];
    const progress: Progress = {
      say: () => {},
      begin: (label, total, unit) => {
        told.push(`${label} ${total} ${unit}`);
        return {
          advance: (done, note) => void told.push(`${done} ${note}`),
          end: () => void told.push("end"),
        };
      },
    };
    yield* world.get("main", { progress });
    assert.deepEqual([told[0], told.at(-1)], ["org/name@aaaaaaaaaaaa 301 kB", "end"]);
    assert.equal(told.at(-2), "300 model.safetensors");
    told.length = 0;
    yield* world.get("main", { progress });
    assert.deepEqual(told, []);
  }));

onHub("download() takes an adapter's files", (world) =>
  Effect.gen(function* () {
    const { directory } = yield* world.get("main", { kind: adapterFiles });
    const fs = yield* FileSystem.FileSystem;
    assert.deepEqual((yield* fs.readDirectory(directory)).sort(), [
      ...["adapter_config.json", "adapter_model.safetensors", "delia.json"],
    ]);
  }), {
  ...others,
  "adapter_config.json": text("{}"),
  "adapter_model.safetensors": noise(77),
  "delia.json": text("{}"),
});
