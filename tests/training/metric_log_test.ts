import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { platform } from "../../src/platform.ts";
import {
  keepRecords,
  layerFile,
  MetricLog,
  type MetricRecord,
  readRecords,
} from "../../src/training/metric_log.ts";
import { dyingIn } from "../support/dying_writes.ts";

const record = (name: string, seed: number, step: number): MetricRecord => ({
  ...{ name, seed, step, loss: 0.1, learning_rate: 1e-7, grad_norm: 1 },
  ...{ tokens: 2, supervised_tokens: 1, seconds: 0.5 },
});

const written = [
  record("common", 42, 0),
  record("common", 42, 1),
  record("delia", 42, 0),
  record("common", 43, 0),
];

const withFile = (
  body: (file: string) => Effect.Effect<void, unknown, FileSystem.FileSystem>,
): Promise<void> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const file = `${yield* fs.makeTempDirectoryScoped()}/run/metrics.jsonl`;
    const log = Effect.flatMap(MetricLog, ({ write }) => write(written));
    yield* Effect.provide(log, layerFile(file));
    yield* body(file);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise);

Deno.test("keepRecords() keeps what is not done again, and no half-written record", () =>
  withFile((file) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const before = yield* fs.readFileString(file);
      yield* fs.writeFileString(file, '{"name":"common","se', { flag: "a" });
      yield* keepRecords(file, () => true);
      assert.equal(yield* fs.readFileString(file), before);
      yield* keepRecords(file, ({ name, seed }) => name === "common" && seed === 42);
      assert.deepEqual(yield* readRecords(file), written.slice(0, 2));
      yield* dyingIn(/metrics\.jsonl$/)(keepRecords(file, ({ step }) => step < 1));
      assert.deepEqual(yield* readRecords(file), written.slice(0, 2));
      yield* keepRecords(file, ({ step }) => step < 1);
      assert.deepEqual(yield* readRecords(file), written.slice(0, 1));
      yield* keepRecords(`${file}.other`, () => false);
      assert.equal(yield* fs.exists(`${file}.other`), false);
    })
  ));

Deno.test("readRecords() and keepRecords() name a broken line and leave the file as it is", () =>
  withFile((file) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const broken = (yield* fs.readFileString(file)).replace('"delia"', "delia");
      yield* fs.writeFileString(file, broken);
      for (const reading of [readRecords(file), keepRecords(file, () => false)]) {
        const { message } = yield* Effect.flip(reading);
        assert.match(message, /metrics\.jsonl:3: Expected a JSON object .*mend or remove the line/);
      }
      assert.equal(yield* fs.readFileString(file), broken);
    })
  ));
