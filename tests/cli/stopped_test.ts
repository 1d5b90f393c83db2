import assert from "node:assert/strict";
import { Console, Effect, Fiber, FileSystem, Layer, Schedule } from "effect";
import { runExperiment } from "../../src/cli/experiment_run.ts";
import { runPretrain } from "../../src/cli/pretrain.ts";
import { onGpu } from "../../src/cli/on_gpu.ts";
import { runSweep } from "../../src/cli/sweep_run.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { ablation } from "../../src/experiments/protocols/ablation.ts";
import { type Platform, platform } from "../../src/platform.ts";

const smoke = {
  ...{ preset: "fixture-smoke", config: undefined, model: undefined, data: undefined },
  ...{
    diverse: undefined,
    initAdapter: undefined,
    seeds: undefined,
    resume: undefined,
    json: true,
  },
  set: ["sampling.maxNewTokens=8", "sampling.batchSize=16"],
};

const tiny = ["hidden=16", "intermediate=32", "layers=1", "heads=2", "kvHeads=1", "batchSize=4"];

/** Interrupts a run in `folder` once `file` is there; what was said of it. */
const stopped = (run: Effect.Effect<unknown, unknown, Platform>, file: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const said: string[] = [];
    const console = { ...globalThis.console, error: (line: string) => void said.push(line) };
    const running = yield* Effect.forkChild(
      Effect.provide(run, Layer.succeed(Console.Console, console)),
    );
    yield* fs.exists(file).pipe(
      Effect.repeat({ until: (there) => there, schedule: Schedule.spaced("1 millis") }),
    );
    yield* Fiber.interrupt(running);
    return said.filter((line) => line.startsWith("stopped"));
  });

for (
  const [verb, run, file, also] of [
    ["train", (out) => runTrain({ ...smoke, out }), "diverse-42.jsonl", []],
    [
      "experiment ablation",
      (out) => runExperiment({ ...smoke, out, experiment: ablation, quick: true }),
      "diverse-all-42.jsonl",
      [],
    ],
    [
      "pretrain",
      (out) => onGpu(runPretrain)({ json: true, set: tiny, out, resume: undefined }),
      "metrics.jsonl",
      [],
    ],
    [
      "sweep",
      (out) =>
        runSweep({
          ...{ json: true, seeds: undefined, out, resume: undefined },
          ...{ grid: ["lora.rank=4,8"], words: ["train", "--preset", "fixture-smoke"] },
        }),
      "1_rank=4/diverse-42.jsonl",
      ["train"],
    ],
  ] as ReadonlyArray<
    readonly [
      verb: string,
      run: (out: string) => Effect.Effect<unknown, unknown, Platform>,
      file: string,
      also: ReadonlyArray<string>,
    ]
  >
) {
  Deno.test(`${verb} says how to go on where it is interrupted`, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const out = `${yield* fs.makeTempDirectoryScoped()}/run`;
      const said = yield* stopped(run(out), `${out}/${file}`);
      assert.equal(said.length, 1 + also.length);
      assert.equal(said.at(-1), `stopped; go on with \`${verb} --resume ${out}\``);
    }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));
}
