import assert from "node:assert/strict";
import { Effect } from "effect";
import { runExperiment } from "../../src/cli/experiment_run.ts";
import { goingOn, type RunOptions } from "../../src/cli/run_flags.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { experiments } from "../../src/experiments/registry.ts";
import { platform } from "../../src/platform.ts";

const [experiment] = experiments;

const saidOf = (failure: unknown): string =>
  (failure as { readonly errors?: ReadonlyArray<Error> }).errors?.map(({ message }) => message)
    .join() ?? String(failure);

/** One at a time, so that each is seen to be refused by itself. */
const beside: ReadonlyArray<readonly [string, Partial<RunOptions>]> = [
  ["--preset", { preset: "fixture" }],
  ["--config", { config: "settings.json" }],
  ["--set", { set: ["lora.rank=4"] }],
  ["--seeds", { seeds: 2 }],
  ["--model", { model: "fixtures/base" }],
  ["--data", { data: "/nope" }],
  ["--diverse", { diverse: "/nope" }],
  ["--out", { out: "elsewhere" }],
];

Deno.test("runTrain() and runExperiment() refuse options beside --resume, which they would pass over", () =>
  Effect.gen(function* () {
    const train = (options: Partial<RunOptions>) =>
      Effect.map(Effect.flip(runTrain({ ...goingOn("nowhere"), ...options })), saidOf);
    const other = (options: object) =>
      Effect.map(
        Effect.flip(
          runExperiment({
            ...goingOn("nowhere"),
            experiment: experiment!,
            quick: false,
            ...options,
          }),
        ),
        saidOf,
      );
    const wanted = (flag: string) =>
      `--resume takes the settings of the run from its folder; leave out ${flag}`;
    for (const [flag, options] of beside) {
      assert.equal(yield* train(options), wanted(flag));
      assert.equal(yield* other(options), wanted(flag));
    }
    assert.equal(yield* train({ initAdapter: "a", seeds: 1 }), wanted("--init-adapter, --seeds"));
    assert.equal(yield* other({ quick: true, test: "a" }), wanted("--quick, --test"));
    for (const said of [yield* train({ json: true }), yield* other({ json: true })]) {
      assert.match(said, /nowhere: expected the folder of a run of \w+.*, found no config\.json/);
    }
  }).pipe(Effect.provide(platform), Effect.runPromise));
