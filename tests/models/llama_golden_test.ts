import assert from "node:assert/strict";
import { Effect, type FileSystem, type Path, type Scope, Stream } from "effect";
import type { Example } from "../../src/data/example.ts";
import { pack } from "../../src/data/batch.ts";
import { Gpu, type Pass, type Tensor } from "../../src/gpu/gpu.ts";
import { type Decoder, decoderForward, loadDecoder } from "../../src/models/decoder.ts";
import { exportWeights } from "../../src/models/export_weights.ts";
import { llama } from "../../src/models/llama.ts";
import { type Adapter, placeAdapterRows } from "../../src/nn/adapter.ts";
import { exportAdapter } from "../../src/nn/adapter_files.ts";
import { raggedAttention } from "../../src/nn/attention_block.ts";
import { copy } from "../../src/ops/copy.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { matmulNT } from "../../src/ops/matmul.ts";
import { platform } from "../../src/platform.ts";
import { recordMicroBatch, type Trainee, uploadBatch } from "../../src/training/step.ts";
import { type StepReport, train, type TrainOptions } from "../../src/training/train.ts";
import { onGpu, worst } from "../support/on_gpu.ts";
import {
  adaptedGolden,
  type Golden,
  type GoldenPart,
  gradientDecoder,
  gradientsOf,
  matricesOf,
  openGolden,
  tensorOf,
} from "./golden.ts";

/** Logits, streams after each block and token losses of `sequences`, packed without padding. */
const evaluate = (decoder: Decoder, sequences: ReadonlyArray<Example>, adapter?: Adapter) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const batch = yield* uploadBatch(gpu, pack(sequences));
    const onGpuNow = yield* gpu.submit((pass: Pass) => {
      if (adapter) placeAdapterRows(pass, adapter);
      const streams: Tensor[] = [];
      const attend = raggedAttention(batch, decoder.rotations, decoder.shape);
      const { hidden } = decoderForward(pass, decoder, batch.tokens, () => attend.forward, {
        onLayer: (pass, stream) => void streams.push(copy(pass, stream)),
      });
      const { losses } = crossEntropy(
        pass,
        { hidden, head: decoder.head.value, targets: batch.targets },
        { scale: 1, gradient: false },
      );
      return { logits: matmulNT(pass, hidden, decoder.head.value), streams, losses };
    });
    return {
      logits: yield* gpu.download(onGpuNow.logits),
      streams: yield* Effect.forEach(onGpuNow.streams, (stream) => gpu.download(stream)),
      losses: yield* gpu.download(onGpuNow.losses),
    };
  });

/** Leaves the gradients of the mean loss of `sequences` in the trainee's parameters. */
const backward = (trainee: Trainee, sequences: ReadonlyArray<Example>) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const packed = pack(sequences);
    const batch = yield* uploadBatch(gpu, packed);
    const ring = yield* gpu.allocate([2]);
    yield* gpu.submit((pass) =>
      recordMicroBatch(
        pass,
        trainee,
        batch,
        1 / packed.supervisedTokens,
        false,
        { seed: 0, step: 0 },
        { ring, slot: 0, accumulate: false },
      )
    );
    return (yield* gpu.download(ring))[0]! / packed.supervisedTokens;
  });

/** Runs the golden's AdamW steps, two micro-batches each, and compares every loss and norm. */
const assertSteps = (trainee: Trainee, { steps, sequences }: GoldenPart) =>
  Effect.gen(function* () {
    const { learning_rate: learningRate, losses, norms } = steps;
    const options: TrainOptions = {
      optimizer: {
        learningRate,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: 0.01,
        clipNorm: 1,
        warmupSteps: 0,
        schedule: "constant_with_warmup",
      },
      seed: 0,
      gradientCheckpointing: false,
      batchSize: 2,
      accumulationSteps: 2,
      steps: losses.length,
      reportEvery: 4,
    };
    // Four slots a step: the three sequences and one without labels.
    const step = [...sequences, { ids: [3], supervised: [false] }];
    const examples = Stream.fromIterable(losses.flatMap(() => step));
    const reports: ReadonlyArray<StepReport> = yield* Stream.runCollect(
      train(trainee, options, examples),
    );
    near("losses of the steps", reports.map(({ loss }) => loss), losses, 1e-4);
    near("norms of the steps", reports.map(({ gradientNorm }) => gradientNorm), norms, 1e-3);
  });

const near = (what: string, actual: ArrayLike<number>, expected: ArrayLike<number>, at: number) => {
  const error = worst(actual, expected);
  if (Deno.env.get("DELIA_SHOW_ERRORS")) console.log(`${what}: ${error.toExponential(1)}`);
  assert.ok(error <= at, `${what}: worst error ${error}`);
};

const assertForward = (
  golden: Golden,
  part: "base" | "lora",
  { logits, losses }: { readonly logits: Float32Array; readonly losses: Float32Array },
) => {
  near("logits", logits, tensorOf(golden, `${part}.logits`).data, 1e-5);
  near("token losses", losses, tensorOf(golden, `${part}.token_losses`).data, 1e-5);
};

const exported = ({ lora: { new_ids: ids } }: Golden, adapter: Adapter) =>
  exportAdapter(adapter, { base: { model: "" }, tokens: ids.map((id) => ({ id })) });

for (const name of ["llama_untied", "llama_tied"]) {
  const onGolden = (
    title: string,
    body: (
      golden: Golden,
    ) => Effect.Effect<void, unknown, Gpu | Scope.Scope | FileSystem.FileSystem | Path.Path>,
  ) => onGpu(title, Effect.flatMap(openGolden(name), body).pipe(Effect.provide(platform)));

  onGolden(
    `decoderForward() computes transformers' logits, streams and losses of ${name}`,
    (golden) =>
      Effect.gen(function* () {
        const { shape, weights, base: { sequences } } = golden;
        const decoder = yield* loadDecoder(llama, shape, weights);
        const actual = yield* evaluate(decoder, sequences);
        for (const [layer, stream] of actual.streams.entries()) {
          near(`stream ${layer}`, stream, tensorOf(golden, `base.hidden.${layer}`).data, 1e-5);
        }
        assertForward(golden, "base", actual);
      }),
  );

  onGolden(
    `recordMicroBatch() adds transformers' gradient of every weight of ${name}`,
    (golden) =>
      Effect.gen(function* () {
        const { shape, weights, base: { sequences, loss } } = golden;
        const decoder = yield* loadDecoder(llama, shape, weights, { trainable: true });
        const trainee = { decoder, parameters: decoder.parameters };
        near("loss", [yield* backward(trainee, sequences)], [loss], 1e-5);
        const gradients = yield* exportWeights(gradientDecoder(decoder));
        assert.deepEqual(Object.keys(gradients).toSorted(), [...weights.names].toSorted());
        for (const [path, { data }] of Object.entries(gradients)) {
          near(path, data, tensorOf(golden, `base.gradient.${path}`).data, 1e-4);
        }
      }),
  );

  onGolden(
    `train() takes PyTorch's steps with every weight of ${name}`,
    (golden) =>
      Effect.gen(function* () {
        const { shape, weights, base } = golden;
        const decoder = yield* loadDecoder(llama, shape, weights, { trainable: true });
        yield* assertSteps({ decoder, parameters: decoder.parameters }, base);
      }),
  );

  onGolden(
    `makeAdapter() gives PEFT's logits and losses on ${name}`,
    (golden) =>
      Effect.gen(function* () {
        const adapter = yield* adaptedGolden(golden);
        assertForward(
          golden,
          "lora",
          yield* evaluate(adapter.decoder, golden.lora.sequences, adapter),
        );
      }),
  );

  onGolden(
    `recordMicroBatch() adds PEFT's gradient of every A, B and new row on ${name}`,
    (golden) =>
      Effect.gen(function* () {
        const adapter = yield* adaptedGolden(golden);
        const { decoder, parameters } = adapter;
        const { sequences, loss } = golden.lora;
        near("loss", [yield* backward({ decoder, parameters, adapter }, sequences)], [loss], 1e-5);
        const { linears, rows } = yield* exported(golden, {
          ...adapter,
          parameters: gradientsOf(parameters),
          rows: { ...adapter.rows!, input: adapter.rows!.trained!.gradient! },
        });
        const expected = matricesOf(golden, "lora.gradient");
        assert.deepEqual([...linears.keys()].toSorted(), [...expected.keys()].toSorted());
        for (const [path, matrices] of linears) {
          for (const side of ["a", "b"] as const) {
            const gradient = matrices[side].data;
            assert.ok(gradient.some((value) => value !== 0), `${path}.${side} has no gradient`);
            near(`${path}.${side}`, gradient, expected.get(path)![side].data, 1e-4);
          }
        }
        near("rows", rows!.input.data, tensorOf(golden, "lora.gradient.rows").data, 1e-4);
      }),
  );

  onGolden(
    `train() takes PEFT's steps with the adapter on ${name}`,
    (golden) =>
      Effect.gen(function* () {
        const adapter = yield* adaptedGolden(golden);
        const { decoder, parameters } = adapter;
        yield* assertSteps({ decoder, parameters, adapter }, golden.lora);
        const { linears, rows } = yield* exported(golden, adapter);
        for (const [path, { a, b }] of matricesOf(golden, "lora.final")) {
          near(`${path}.a`, linears.get(path)!.a.data, a.data, 1e-3);
          near(`${path}.b`, linears.get(path)!.b.data, b.data, 1e-3);
        }
        near("rows", rows!.input.data, tensorOf(golden, "lora.final.rows").data, 1e-3);
      }),
  );
}
