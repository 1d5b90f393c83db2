import assert from "node:assert/strict";
import { Effect } from "effect";
import { pack } from "../../src/data/batch.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import {
  attendWithin,
  type Decoder,
  decoderForward,
  decoderLogits,
} from "../../src/models/decoder.ts";
import { downloadParameters } from "../../src/nn/parameters.ts";
import { type Trainee, uploadBatch } from "../../src/training/step.ts";
import { onGpu, worst } from "../support/on_gpu.ts";
import {
  adapterOnly,
  lossesOf,
  repeated,
  runTiny,
  tinyExamples,
  tinyOptions,
  wholeModel,
} from "./tiny.ts";

const trainees = { "every weight": wholeModel, "an adapter": adapterOnly(0) };

const examples = tinyExamples(tinyOptions.batchSize * tinyOptions.steps);

const valuesOf = ({ parameters }: Trainee) => downloadParameters(parameters);

for (const [what, fresh] of Object.entries(trainees)) {
  onGpu(
    `train() brings the loss of one batch below 0.01 with ${what}`,
    Effect.gen(function* () {
      const steps = 60;
      const optimizer = { ...tinyOptions.optimizer, learningRate: 3e-2 };
      const options = { optimizer, steps, reportEvery: 20 };
      const losses = yield* lossesOf(yield* fresh, options, repeated(tinyExamples(4), steps));
      assert.ok(losses[0]! > 3, `first loss ${losses[0]}`);
      assert.ok(losses.at(-1)! < 0.01, `last loss ${losses.at(-1)}`);
    }),
  );

  onGpu(
    `train() takes the same steps with 1 × 4 as with 4 × 1 examples, training ${what}`,
    Effect.gen(function* () {
      const whole = yield* lossesOf(yield* fresh, {}, examples);
      const options = { batchSize: 1, accumulationSteps: 4 };
      const parts = yield* lossesOf(yield* fresh, options, examples);
      const error = worst(parts, whole);
      assert.ok(error < 1e-5, `worst error ${error}`);
    }),
  );
}

onGpu(
  "train() gives the same losses and weights bit for bit from the same seed, dropout included",
  Effect.gen(function* () {
    const [first, second, other] = [
      yield* adapterOnly(0.2),
      yield* adapterOnly(0.2),
      yield* adapterOnly(0.2),
    ];
    const losses = yield* lossesOf(first, {}, examples);
    assert.deepEqual(yield* lossesOf(second, {}, examples), losses);
    assert.deepEqual(yield* valuesOf(second), yield* valuesOf(first));
    const otherLosses = yield* lossesOf(other, { seed: 4 }, examples);
    assert.notDeepEqual(otherLosses, losses, "another seed should draw other masks");
  }),
);

onGpu(
  "train() draws other dropout masks in each step",
  Effect.gen(function* () {
    const trainee = yield* adapterOnly(0.2);
    yield* runTiny(trainee, {}, examples); // so that B is not zero
    const losses = yield* lossesOf(
      trainee,
      { optimizer: { ...tinyOptions.optimizer, learningRate: 0 } },
      repeated(tinyExamples(4), 8),
    );
    assert.equal(new Set(losses).size, 8, `${losses}`);
  }),
);

onGpu(
  "train() gives every micro-batch masks and noise of its own, however many a step takes",
  Effect.gen(function* () {
    const optimizer = { ...tinyOptions.optimizer, learningRate: 0 };
    const [example] = tinyExamples(1);
    const nine = repeated([example!], 9);
    for (const draws of [{ dropout: 0.2 }, { dropout: 0, neftuneAlpha: 5 }]) {
      const { dropout, ...noise } = draws;
      const trainee = yield* adapterOnly(dropout);
      yield* runTiny(trainee, {}, examples); // so that B is not zero
      const of = (accumulationSteps: number, steps: number) =>
        lossesOf(trainee, { optimizer, batchSize: 1, accumulationSteps, steps, ...noise }, nine);
      const single = yield* of(1, 9);
      assert.equal(new Set(single).size, 9, `${single}`);
      const mean = (losses: ReadonlyArray<number>) =>
        losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      // Two full steps and one of a micro-batch alone.
      const byFour = [single.slice(0, 4), single.slice(4, 8), single.slice(8)].map(mean);
      const error = worst(yield* of(4, 3), byFour);
      assert.ok(error < 1e-5, `${JSON.stringify(draws)}: worst error ${error}`);
    }
  }),
);

onGpu(
  "train() gives the same losses and weights with gradient checkpointing, dropout included",
  Effect.gen(function* () {
    for (const fresh of [wholeModel, adapterOnly(0.2)]) {
      const [kept, again] = [yield* fresh, yield* fresh];
      const losses = yield* lossesOf(kept, {}, examples);
      const checkpointed = yield* lossesOf(
        again,
        { gradientCheckpointing: true },
        examples,
      );
      assert.deepEqual(checkpointed, losses);
      assert.deepEqual(yield* valuesOf(again), yield* valuesOf(kept));
    }
  }),
);

onGpu(
  "train() reports every step with its rate and counts, however many a read",
  Effect.gen(function* () {
    const reports = yield* runTiny(
      yield* wholeModel,
      { reportEvery: 2 },
      repeated(tinyExamples(4), 5),
    );
    assert.deepEqual(reports.map(({ step }) => step), [0, 1, 2, 3, 4]);
    const { usedRows, supervisedTokens } = pack(tinyExamples(4));
    for (const report of reports) {
      assert.equal(report.tokens, usedRows);
      assert.equal(report.supervisedTokens, supervisedTokens);
      assert.equal(report.examples, 4);
      assert.ok(report.gradientNorm > 0);
    }
    assert.equal(reports[0]!.learningRate, 0.005);
  }),
);

const logitsOf = (decoder: Decoder) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const batch = yield* uploadBatch(gpu, pack(tinyExamples(4)));
    const logits = yield* gpu.submit((pass) => {
      const { hidden } = decoderForward(pass, decoder, batch.tokens, attendWithin(batch));
      return decoderLogits(pass, decoder, hidden);
    });
    return yield* gpu.download(logits);
  });

onGpu(
  "makeAdapter() leaves the logits of the base as they are while B is zero",
  Effect.gen(function* () {
    const { decoder, adapter } = yield* adapterOnly(0.2);
    assert.equal(adapter!.linears.length, 4 * 2, "every linear has an adapter");
    const layers = decoder.layers.map(({ attending, attention, feedForward }) => ({
      attending,
      attention: {
        ...attention,
        qkv: { weight: attention.qkv.weight },
        output: { weight: attention.output.weight },
      },
      feedForward: {
        ...feedForward,
        gateUp: { weight: feedForward.gateUp.weight },
        down: { weight: feedForward.down.weight },
      },
    }));
    assert.deepEqual(yield* logitsOf(decoder), yield* logitsOf({ ...decoder, layers }));
  }),
);
