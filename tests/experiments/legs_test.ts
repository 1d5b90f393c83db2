import assert from "node:assert/strict";
import { Effect, Exit, FileSystem, Scope } from "effect";
import { beginLeg, costOfLegs, type LegRecord } from "../../src/experiments/legs.ts";
import { platform } from "../../src/platform.ts";

const record = (leg: number, seconds: number, peakGpuBytes: number): LegRecord => ({
  ...{ leg, seconds, peakGpuBytes, device: "made up" },
});

Deno.test("costOfLegs() adds up how far each leg came, and takes the greatest peak", () => {
  const records = [
    { ...record(1, 0, 0), preset: "fixture-smoke" },
    { ...record(1, 30, 900), preset: "fixture-smoke" },
    record(2, 0, 0), // killed before its first training was done
    record(3, 0, 0),
    { ...record(3, 12, 700), device: "another" },
  ];
  assert.deepEqual(costOfLegs(records), {
    preset: "fixture-smoke",
    seconds: 42,
    peakGpuBytes: 900,
    device: "made up, another",
    legs: 3,
  });
  assert.equal("preset" in costOfLegs(records.slice(2)), false);
});

Deno.test("beginLeg() counts a leg that was killed up to its last note, and one that failed whole", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const file = `${yield* fs.makeTempDirectoryScoped()}/legs.jsonl`;
    const begin = (preset: string | undefined, seconds: number, peak: number) =>
      beginLeg(file, {
        ...{ preset, device: "made up", peakBytes: () => peak },
        started: Date.now() - seconds * 1000,
      });
    const killed = yield* Scope.make();
    const { note } = yield* Effect.provideService(begin("fixture", 100, 5), Scope.Scope, killed);
    yield* note;
    yield* fs.writeFileString(file, '{"leg":1,"sec', { flag: "a" });
    yield* Effect.exit(Effect.scoped(Effect.andThen(begin(undefined, 10, 9), Effect.fail("no"))));
    const last = yield* Effect.scoped(Effect.flatMap(begin("readme", 1, 7), ({ cost }) => cost));
    assert.equal(Math.round(last.seconds), 111);
    assert.deepEqual([last.preset, last.peakGpuBytes, last.legs], ["fixture", 9, 3]);
    yield* Scope.close(killed, Exit.void);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
