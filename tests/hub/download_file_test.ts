import assert from "node:assert/strict";
import { Effect, FileSystem, Layer, PlatformError } from "effect";
import { etagOf, type Fault } from "../support/hub_server.ts";
import { commit, later, noise, onHub, read, text, weights } from "../support/on_hub.ts";

const weightsFile = "model.safetensors";
const etag = etagOf(weightsFile, weights);

const four = (fault: Fault): Array<Fault> => [fault, fault, fault, fault];

onHub(
  "downloadFile() goes on by itself where a connection breaks",
  (world) =>
    Effect.gen(function* () {
      world.content.faults[weightsFile] = [{ _tag: "Cut", after: 100_000 }, {
        _tag: "Short",
        after: 50_000,
      }];
      const { directory } = yield* world.get();
      assert.deepEqual(yield* read(directory, weightsFile), weights);
      assert.deepEqual(world.requests().filter((line) => line.startsWith("cdn /model")), [
        "cdn /model.safetensors",
        "cdn /model.safetensors bytes=100000-",
        "cdn /model.safetensors bytes=150000-",
      ]);
    }),
);

onHub(
  "downloadFile() keeps what came before it gave up, and the next run goes on there",
  (world) =>
    Effect.gen(function* () {
      world.content.faults[weightsFile] = four({ _tag: "Cut", after: 20_000 });
      const error = yield* Effect.flip(world.get());
      assert.match(
        error.message,
        /^model\.safetensors: the download broke off \(.+\); 80000 of 300000 bytes are kept, run again/,
      );
      const fs = yield* FileSystem.FileSystem;
      const partial = world.at("blobs", `${etag}.incomplete`);
      assert.deepEqual(
        yield* read(world.at("blobs"), `${etag}.incomplete`),
        weights.slice(0, 80_000),
      );
      assert.ok(!(yield* fs.exists(world.at("snapshots"))));
      world.requests();
      const { directory } = yield* world.get();
      assert.deepEqual(
        world.requests().filter((line) => /resolve|cdn/.test(line) && !line.includes("=0-0")),
        [
          `hub /org/name/resolve/${commit}/model.safetensors bytes=80000-`,
          "cdn /model.safetensors bytes=80000-",
        ],
      );
      assert.deepEqual(yield* read(directory, weightsFile), weights);
      assert.ok(!(yield* fs.exists(partial)));
    }),
);

onHub(
  "downloadFile() starts again where a server knows no ranges",
  (world) =>
    Effect.gen(function* () {
      world.content.faults[weightsFile] = [{ _tag: "Cut", after: 9000 }, { _tag: "NoRange" }];
      const { directory } = yield* world.get();
      assert.deepEqual(yield* read(directory, weightsFile), weights);
    }),
);

onHub(
  "downloadFile() gives up on a connection that says nothing",
  (world) =>
    Effect.gen(function* () {
      world.content.faults[weightsFile] = four({ _tag: "Stall" });
      const error = yield* Effect.flip(world.get("main", { timeout: 0.2 }));
      assert.match(error.message, /broke off \(no byte in 0\.2 s\); 0 of 300000 bytes are kept/);
    }),
);

onHub(
  "downloadFile() deletes bytes that are not the file's, and says so",
  (world) =>
    Effect.gen(function* () {
      const { content, get } = world;
      const fs = yield* FileSystem.FileSystem;
      content.faults[weightsFile] = [{ _tag: "Flip" }];
      const flipped = yield* Effect.flip(get());
      assert.match(
        flipped.message,
        /^model\.safetensors: what was downloaded should be SHA-256 \w{64}/,
      );
      assert.match(flipped.message, /it was deleted, run again to download it anew$/);
      assert.ok(!(yield* fs.exists(world.at("blobs", `${etag}.incomplete`))));
      content.faults[weightsFile] = [{ _tag: "Long", more: 7 }];
      const long = yield* Effect.flip(get());
      assert.match(long.message, /should be 300000 bytes but is more than those/);
      content.branches["main"] = later;
      content.files["config.json"] = text('{"model_type":"mistral"}');
      content.faults["config.json"] = [{ _tag: "Flip" }];
      assert.match((yield* Effect.flip(get())).message, /^config\.json: .* should be Git's SHA-1 /);
      yield* get();
    }),
);

onHub(
  "downloadFile() continues what an older, longer or wrong part left",
  (world) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const partial = world.at("blobs", `${etag}.incomplete`);
      yield* fs.makeDirectory(world.at("blobs"), { recursive: true });
      yield* fs.writeFile(partial, noise(300_001));
      yield* world.get();
      world.content.branches["main"] = later;
      yield* fs.remove(world.at("blobs", etag));
      yield* fs.writeFile(partial, new Uint8Array(1000));
      assert.equal((yield* Effect.flip(world.get())).reason._tag, "Corrupt");
      yield* fs.writeFile(partial, weights);
      world.requests();
      yield* world.get();
      assert.ok(world.requests().every((line) => !line.startsWith("cdn /model")));
    }),
);

onHub(
  "downloadFile() stops at once and loses nothing where it is interrupted",
  (world) =>
    Effect.gen(function* () {
      world.content.faults[weightsFile] = [{ _tag: "Cut", after: 4000 }, { _tag: "Stall" }];
      const stopped = yield* Effect.timeoutOption(world.get(), "1 second");
      assert.equal(stopped._tag, "None");
      world.requests();
      yield* world.get();
      assert.ok(world.requests().includes("cdn /model.safetensors bytes=4000-"));
    }),
);

onHub(
  "downloadFile() says how much is kept where the disk is full",
  (world) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const full = PlatformError.systemError({
        ...{ _tag: "Unknown", module: "FileSystem", method: "writeAll" },
        cause: Object.assign(new Error("no space left"), { code: "ENOSPC" }),
      });
      let room = 100_000;
      const tight = FileSystem.FileSystem.of({
        ...fs,
        open: (file, options) =>
          Effect.map(fs.open(file, options), (handle) =>
            Object.assign(Object.create(handle), {
              writeAll: (bytes: Uint8Array) =>
                (room -= bytes.length) < 0 ? Effect.fail(full) : handle.writeAll(bytes),
            })),
      });
      const error = yield* Effect.flip(
        Effect.provide(world.get(), Layer.succeed(FileSystem.FileSystem, tight)),
      );
      assert.match(
        error.message,
        /^model\.safetensors: no space is left in .*blobs; \d+ of 300000 by/,
      );
      assert.match(
        error.message,
        /are kept, make room \(or point HF_HOME elsewhere\) and run again/,
      );
      yield* world.get();
      assert.match(world.requests().at(-1)!, /^cdn \/model\.safetensors bytes=[1-9]/);
    }),
);
