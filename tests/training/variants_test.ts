import assert from "node:assert/strict";
import { Effect } from "effect";
import type { Example } from "../../src/data/example.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { downloadParameters } from "../../src/nn/parameters.ts";
import type { Trainee } from "../../src/training/step.ts";
import { onGpu, worst } from "../support/on_gpu.ts";
import {
  adapterOnly,
  adapterWithRow,
  lossesOf,
  repeated,
  runTiny,
  tinyExamples,
  tinyOptions,
  withNewToken,
} from "./tiny.ts";

const examples = tinyExamples(tinyOptions.batchSize * tinyOptions.steps);

const valuesOf = ({ parameters }: Trainee) => downloadParameters(parameters);

/** `example` with all tokens supervised, those of the prompt by `weight`. */
const withPrompt = (example: Example, weight: number): Example => ({
  ...example,
  supervised: example.ids.map(() => true),
  weights: example.supervised.map((label) => label ? 1 : weight),
});

const still = { ...tinyOptions.optimizer, learningRate: 0 };

onGpu(
  "train() with prompt tokens of weight 0 gives the losses and weights of training without them",
  Effect.gen(function* () {
    const [without, weighted] = [yield* adapterOnly(0), yield* adapterOnly(0)];
    const losses = yield* lossesOf(without, {}, examples);
    const same = yield* lossesOf(weighted, {}, examples.map((it) => withPrompt(it, 0)));
    assert.deepEqual(same, losses);
    assert.deepEqual(yield* valuesOf(weighted), yield* valuesOf(without));
  }),
);

onGpu(
  "train() weighs each token's loss in the mean of the whole optimizer step",
  Effect.gen(function* () {
    const options = { optimizer: still, steps: 1 };
    const four = tinyExamples(4);
    const meanOf = (of: ReadonlyArray<Example>, more = {}) =>
      Effect.flatMap(
        adapterOnly(0),
        (trainee) =>
          Effect.map(runTiny(trainee, { ...options, ...more }, of), ([report]) => report!),
      );
    const all = yield* meanOf(four.map((it) => withPrompt(it, 1)));
    const answers = yield* meanOf(four);
    const half = yield* meanOf(four.map((it) => withPrompt(it, 0.5)));
    const parts = yield* meanOf(four.map((it) => withPrompt(it, 0.5)), {
      batchSize: 1,
      accumulationSteps: 4,
    });
    const count = answers.supervisedTokens;
    const prompts = all.supervisedTokens - count;
    const promptSum = all.loss * all.supervisedTokens - answers.loss * count;
    const expected = (answers.loss * count + 0.5 * promptSum) / (count + 0.5 * prompts);
    assert.ok(worst([half.loss, parts.loss], [expected, expected]) < 1e-5);
    assert.ok(worst([parts.gradientNorm], [half.gradientNorm]) < 1e-5);
    assert.notEqual(half.gradientNorm, answers.gradientNorm);
  }),
);

onGpu(
  "train() moves B by its own learning rate where LoRA+ is on, and all else by the run's",
  Effect.gen(function* () {
    // Adam's first step moves each number by its learning rate, whatever the gradient's length.
    const optimizer = {
      ...tinyOptions.optimizer,
      weightDecay: 0,
      warmupSteps: 0,
      schedule: "constant_with_warmup" as const,
    };
    const options = { optimizer, steps: 1 };
    const ratio = 4;
    const [plain, plus] = [yield* adapterOnly(0), yield* adapterOnly(0, { loraPlusRatio: ratio })];
    assert.equal(plus.parameters.arenas.length, 2);
    const before = yield* valuesOf(plain);
    assert.deepEqual(yield* valuesOf(plus), before);
    const [report] = yield* runTiny(plain, options, examples);
    const [other] = yield* runTiny(plus, options, examples);
    assert.ok(
      worst([other!.gradientNorm], [report!.gradientNorm]) < 1e-6,
      "one norm over both arenas",
    );
    const [one, four] = [yield* valuesOf(plain), yield* valuesOf(plus)];
    for (const [name, first] of before) {
      const factor = name.endsWith(".b") ? ratio : 1;
      const moved = (by: ReadonlyMap<string, Float32Array>) =>
        by.get(name)!.map((value, i) => value - first[i]!);
      const error = worst(moved(four), moved(one).map((delta) => factor * delta));
      assert.ok(error < 1e-5, `${name}: worst error ${error}`);
    }
  }),
);

onGpu(
  "train() with NEFTune draws other noise in each step, and the same from the same seed",
  Effect.gen(function* () {
    const same = repeated(tinyExamples(4), 8);
    const options = { optimizer: still, neftuneAlpha: 5 };
    const losses = yield* lossesOf(yield* adapterOnly(0), options, same);
    assert.equal(new Set(losses).size, 8, `${losses}`);
    const [first, second] = [yield* adapterOnly(0.1), yield* adapterOnly(0.1)];
    const trained = yield* lossesOf(first, { neftuneAlpha: 5 }, examples);
    const checkpointed = { neftuneAlpha: 5, gradientCheckpointing: true };
    assert.deepEqual(yield* lossesOf(second, checkpointed, examples), trained);
    assert.deepEqual(yield* valuesOf(second), yield* valuesOf(first));
    // Noise of a thousandth moves the loss about a thousandth as far; none leaves it.
    const without = (yield* lossesOf(yield* adapterOnly(0), { optimizer: still }, same))[0]!;
    const little = { optimizer: still, neftuneAlpha: 5e-3 };
    const near = (yield* lossesOf(yield* adapterOnly(0), little, same))[0]!;
    const off = { optimizer: still, neftuneAlpha: 0 };
    assert.equal((yield* lossesOf(yield* adapterOnly(0), off, same))[0], without);
    assert.ok(near !== without && Math.abs(near - without) < 1e-2 * Math.abs(losses[0]! - without));
  }),
);

onGpu(
  "train() with lazy AdamW leaves the new row where it is in steps without the new token",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [first, ...rest] = tinyExamples(8);
    const optimizer = { ...tinyOptions.optimizer, warmupSteps: 0 };
    // One example with the token, then those without it.
    const distances = (lazyAdam: boolean) =>
      Effect.gen(function* () {
        const moved: number[] = [];
        for (const steps of [1, 8]) {
          // The head is untied: a tied row would get a gradient from every prediction.
          const trainee = yield* adapterWithRow({ tied: false });
          const { input } = trainee.adapter.rows!;
          const before = yield* gpu.download(input);
          const options = { optimizer, lazyAdam, batchSize: 1, steps };
          yield* runTiny(trainee, options, [withNewToken(first!), ...rest]);
          moved.push(Math.hypot(...(yield* gpu.download(input)).map((v, i) => v - before[i]!)));
        }
        return moved as [number, number];
      });
    const [lazy, dense] = [yield* distances(true), yield* distances(false)];
    // The schedule depends on the number of steps, but not in the first of them.
    assert.ok(Math.abs(lazy[0] - dense[0]) < 1e-3 * dense[0]);
    assert.equal(lazy[1], lazy[0]);
    assert.ok(dense[1] > 2 * dense[0], `${dense}`);
  }),
);
