import assert from "node:assert/strict";
import { Effect, FileSystem, Path } from "effect";
import { downloadParameters } from "../../src/nn/parameters.ts";
import { platform } from "../../src/platform.ts";
import {
  Checkpoints,
  layerDirectory,
  layerMemory,
  restoreCheckpoint,
  takeCheckpoint,
} from "../../src/training/checkpoints.ts";
import type { TrainOptions } from "../../src/training/train.ts";
import { onGpu } from "../support/on_gpu.ts";
import { adapterOnly, lossesOf, tinyExamples, wholeModel } from "./tiny.ts";

type Grouping = Pick<TrainOptions, "batchSize" | "accumulationSteps" | "steps">;

const examples = tinyExamples(32);
const stop = 3;
const trainee = adapterOnly(0.2);

/** Runs to `stop`, stores a checkpoint, and goes on from it with weights made anew. */
const stopAndResume = (fresh: typeof trainee, options: Grouping) =>
  Effect.gen(function* () {
    const done = stop * options.batchSize * options.accumulationSteps;
    const checkpoints = yield* Checkpoints;
    assert.equal(yield* checkpoints.latest, undefined);
    const stopped = yield* fresh;
    const before = yield* lossesOf(stopped, options, examples.slice(0, done));
    yield* checkpoints.save(yield* takeCheckpoint(stopped.parameters, stop));

    const { parameters, ...resumed } = yield* fresh;
    const held = yield* checkpoints.latest;
    yield* restoreCheckpoint(parameters, held!);
    const after = yield* lossesOf(
      { ...resumed, parameters },
      { ...options, firstStep: held!.step },
      examples.slice(done),
    );
    return { losses: [...before, ...after], values: yield* downloadParameters(parameters) };
  });

const assertSame = (options: Grouping) =>
  Effect.gen(function* () {
    const whole = yield* trainee;
    const losses = yield* lossesOf(whole, options, examples);
    const actual = yield* stopAndResume(trainee, options);
    assert.deepEqual(actual.losses, losses);
    assert.deepEqual(actual.values, yield* downloadParameters(whole.parameters));
  });

const atOnce: Grouping = { batchSize: 4, accumulationSteps: 1, steps: 8 };
// Its last step has two micro-batches.
const inTurn: Grouping = { batchSize: 1, accumulationSteps: 3, steps: 11 };

onGpu(
  "restoreCheckpoint() resumes from memory as if the run had never stopped",
  Effect.provide(assertSame(atOnce), layerMemory),
);

onGpu(
  "restoreCheckpoint() resumes with the masks of the micro-batches that would have followed",
  Effect.provide(assertSame(inTurn), layerMemory),
);

onGpu(
  "restoreCheckpoint() resumes from a directory as if the run had never stopped",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const path = yield* Path.Path;
    const directory = path.join(yield* fs.makeTempDirectoryScoped(), "checkpoints");
    yield* Effect.provide(assertSame(atOnce), layerDirectory(directory));
    assert.deepEqual(yield* fs.readDirectory(directory), ["latest.safetensors"]);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "restoreCheckpoint() refuses the checkpoint of another model",
  Effect.gen(function* () {
    const { parameters } = yield* trainee;
    const checkpoint = yield* takeCheckpoint((yield* wholeModel).parameters, 1);
    const error = yield* Effect.flip(restoreCheckpoint(parameters, checkpoint));
    assert.match(error.message, /^arena\.0\.value should be \[\d+\] but is \[\d+\]$/);
  }),
);
