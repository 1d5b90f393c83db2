/** How far we are from a golden: worst errors, each with the limit it must keep. @module */
import { Effect, type Scope, Stream } from "effect";
import { pack } from "../../src/data/batch.ts";
import type { Example } from "../../src/data/example.ts";
import { exampleLosses } from "../../src/evaluation/example_losses.ts";
import { readSequence } from "../../src/evaluation/read_sequence.ts";
import { generateBatch } from "../../src/generation/generate.ts";
import { Gpu, type GpuError } from "../../src/gpu/gpu.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { exportWeights } from "../../src/models/export_weights.ts";
import type { ModelError } from "../../src/models/model_error.ts";
import type { Adapter, Subject } from "../../src/nn/adapter.ts";
import { exportAdapter } from "../../src/nn/adapter_files.ts";
import { recordMicroBatch, type Trainee, uploadBatch } from "../../src/training/step.ts";
import { type StepReport, train, type TrainOptions } from "../../src/training/train.ts";
import type { TrainingError } from "../../src/training/training_error.ts";
import type { Adapter as StoredAdapter } from "../../src/weights/stored_adapter.ts";
import type { WeightsError } from "../../src/weights/weights_error.ts";
import { worst } from "../support/numbers.ts";
import {
  adaptedGolden,
  type Golden,
  type GoldenPart,
  type GoldenSteps,
  gradientDecoder,
  gradientsOf,
  matricesOf,
  tensorOf,
} from "./golden.ts";

/** One comparison. */
export interface Measure {
  /** What was compared, such as `gradients`; several tensors may be of one kind. */
  readonly kind: string;
  /** Which of that kind. */
  readonly what: string;
  /** Largest difference over the largest magnitude expected; of ids, how many differ. */
  readonly error: number;
  readonly limit: number;
}

/** Whatever may stop a comparison. */
export type GoldenError = GpuError | ModelError | TrainingError | WeightsError;

/** Runs a golden and compares. */
export type MeasureGolden = (
  golden: Golden,
) => Effect.Effect<ReadonlyArray<Measure>, GoldenError, Gpu | Scope.Scope>;

const near = (
  kind: string,
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  limit: number,
): Measure => ({ kind, what, error: worst(actual, expected), limit });

const joined = (parts: ReadonlyArray<Float32Array>): ReadonlyArray<number> =>
  parts.flatMap((part) => Array.from(part));

const base = ({ architecture, shape, weights }: Golden, trainable = false) =>
  loadDecoder(architecture, shape, weights, { trainable });

/** Logits and residual streams, sequence by sequence, and the loss of every token, packed ragged. */
const compareForward = (golden: Golden, part: "base" | "lora", subject: Subject) =>
  Effect.gen(function* () {
    const { sequences } = golden[part];
    const expected = (name: string) => tensorOf(golden, `${part}.${name}`).data;
    const read = yield* Effect.forEach(sequences, ({ ids }) => readSequence(subject, ids));
    // One example a token, in which only that token is supervised.
    const single = sequences.flatMap(({ ids, supervised }) =>
      ids.map((_, at) => ({ ids, supervised: ids.map((_, i) => i === at + 1 && supervised[i]!) }))
    );
    const losses = yield* exampleLosses(subject, single);
    return [
      near("logits", "all", joined(read.map(({ logits }) => logits)), expected("logits"), 1e-5),
      ...Array.from({ length: golden.shape.layers }, (_, layer) =>
        near(
          "streams",
          `after block ${layer}`,
          joined(read.map(({ hidden }) => hidden[layer]!)),
          expected(`hidden.${layer}`),
          1e-5,
        )),
      near("token losses", "all", losses.map(({ sum }) => sum), expected("token_losses"), 5e-6),
    ];
  });

/** Leaves the gradients of the mean loss of `sequences` in the trainee's parameters. */
const backward = (trainee: Trainee, { sequences, loss }: GoldenPart) =>
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
    const actual = (yield* gpu.download(ring))[0]! / packed.supervisedTokens;
    return near("loss", "mean", [actual], [loss], 1e-5);
  });

/** Takes the golden's AdamW steps, two micro-batches each. */
const takeSteps = (
  trainee: Trainee,
  sequences: ReadonlyArray<Example>,
  { learning_rate: learningRate, losses }: GoldenSteps,
): Effect.Effect<ReadonlyArray<StepReport>, GoldenError, Gpu> => {
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
  return Stream.runCollect(train(trainee, options, examples));
};

const compareSteps = (
  reports: ReadonlyArray<StepReport>,
  { losses, norms }: GoldenSteps,
): ReadonlyArray<Measure> => {
  const what = `${losses.length} steps`;
  return [
    near("step losses", what, reports.map(({ loss }) => loss), losses, 1e-5),
    near("step norms", what, reports.map(({ gradientNorm }) => gradientNorm), norms, 5e-4),
  ];
};

const compareGreedy = (subject: Subject, { sequences, greedy: { continuations } }: GoldenPart) =>
  Effect.gen(function* () {
    const completions = yield* generateBatch(
      subject,
      sequences.map(({ ids }, seed) => ({ ids, seed })),
      {
        temperature: 0,
        topP: 1,
        maxNewTokens: continuations[0]!.length,
        stopIds: [],
        valid: subject.decoder.rows,
      },
    );
    const wrong = continuations.flatMap((line, row) =>
      line.filter((id, at) => completions[row]?.ids[at] !== id)
    );
    const what = `wrong of ${continuations.length} × ${continuations[0]!.length}`;
    return [{ kind: "greedy ids", what, error: wrong.length, limit: 0 }];
  });

const exported = ({ lora: { new_ids: ids } }: Golden, adapter: Adapter) =>
  exportAdapter(adapter, { base: { model: "" }, tokens: ids.map((id) => ({ id })) });

const compareAdapter = (
  golden: Golden,
  { linears, rows }: StoredAdapter,
  prefix: "lora.gradient" | "lora.final",
  limit: number,
): ReadonlyArray<Measure> => {
  const kind = prefix === "lora.final" ? "final adapter" : "gradients";
  const expected = matricesOf(golden, prefix);
  if (linears.size !== expected.size) {
    throw new Error(`Expected ${expected.size} adapted linears but found ${linears.size}`);
  }
  return [
    ...[...linears].flatMap(([path, matrices]) =>
      (["a", "b"] as const).map((side) => {
        const values = expected.get(path)![side].data;
        if (values.every((value) => value === 0)) throw new Error(`${path}.${side} is all zeros`);
        return near(kind, `${path}.${side}`, matrices[side].data, values, limit);
      })
    ),
    near(
      kind,
      "rows of new tokens",
      rows!.input.data,
      tensorOf(golden, `${prefix}.rows`).data,
      limit,
    ),
  ];
};

/** Logits, residual streams and token losses of the base. */
export const forwardOfBase: MeasureGolden = (golden) =>
  Effect.flatMap(base(golden), (decoder) => compareForward(golden, "base", { decoder }));

/** The gradient of every weight of the base; only where the golden has them. */
export const gradientsOfBase: MeasureGolden = (golden) =>
  Effect.gen(function* () {
    const decoder = yield* base(golden, true);
    const loss = yield* backward({ decoder, parameters: decoder.parameters }, golden.base);
    const gradients = yield* exportWeights(gradientDecoder(decoder));
    return [
      loss,
      ...golden.weights.names.map((name) =>
        near(
          "gradients",
          name,
          gradients[name]?.data ?? [],
          tensorOf(golden, `base.gradient.${name}`).data,
          3e-5,
        )
      ),
    ];
  });

/** AdamW steps with every weight; only where the golden has them. */
export const stepsOfBase: MeasureGolden = (golden) =>
  Effect.gen(function* () {
    const decoder = yield* base(golden, true);
    const { sequences, steps } = golden.base;
    const trainee = { decoder, parameters: decoder.parameters };
    return compareSteps(yield* takeSteps(trainee, sequences, steps!), steps!);
  });

/** Greedy continuations of the base. */
export const greedyOfBase: MeasureGolden = (golden) =>
  Effect.flatMap(base(golden), (decoder) => compareGreedy({ decoder }, golden.base));

/** Logits, residual streams and token losses of the base with the adapter on it. */
export const forwardOfAdapter: MeasureGolden = (golden) =>
  Effect.flatMap(
    adaptedGolden(golden),
    (adapter) => compareForward(golden, "lora", { decoder: adapter.decoder, adapter }),
  );

/** The gradient of every A, every B and the new tokens' rows. */
export const gradientsOfAdapter: MeasureGolden = (golden) =>
  Effect.gen(function* () {
    const adapter = yield* adaptedGolden(golden);
    const { decoder, parameters } = adapter;
    const loss = yield* backward({ decoder, parameters, adapter }, golden.lora);
    const gradients = yield* exported(golden, {
      ...adapter,
      parameters: gradientsOf(parameters),
      rows: { ...adapter.rows!, input: adapter.rows!.trained!.gradient! },
    });
    return [loss, ...compareAdapter(golden, gradients, "lora.gradient", 3e-5)];
  });

/** The golden's adapter after its AdamW steps, and what they reported. */
export const trainedGolden = (
  golden: Golden,
): Effect.Effect<
  { readonly reports: ReadonlyArray<StepReport>; readonly stored: StoredAdapter },
  GoldenError,
  Gpu | Scope.Scope
> =>
  Effect.gen(function* () {
    const adapter = yield* adaptedGolden(golden);
    const { decoder, parameters } = adapter;
    const { sequences, steps } = golden.lora;
    const reports = yield* takeSteps({ decoder, parameters, adapter }, sequences, steps);
    return { reports, stored: yield* exported(golden, adapter) };
  });

/** AdamW steps with the adapter: losses, norms and where it ends. */
export const stepsOfAdapter: MeasureGolden = (golden) =>
  Effect.map(trainedGolden(golden), ({ reports, stored }) => [
    ...compareSteps(reports, golden.lora.steps),
    ...compareAdapter(golden, stored, "lora.final", 3e-4),
  ]);

/** Greedy continuations of the base with the adapter on it. */
export const greedyOfAdapter: MeasureGolden = (golden) =>
  Effect.flatMap(
    adaptedGolden(golden),
    (adapter) => compareGreedy({ decoder: adapter.decoder, adapter }, golden.lora),
  );
