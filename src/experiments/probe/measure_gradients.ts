/** Gradients of micro-batches on an adapter's weights as they are, without a step. @module */
import { Effect } from "effect";
import type { PackedBatch } from "../../data/batch.ts";
import { Gpu, type GpuError, sizeOf, type Tensor } from "../../gpu/gpu.ts";
import { fill } from "../../ops/fill.ts";
import { recordMicroBatch, type Trainee, uploadBatch } from "../../training/step.ts";

/** What one micro-batch says about the weights. */
export interface MeasuredGradient {
  /** Mean loss of its supervised tokens, in nats. */
  readonly loss: number;
  /** Gradient of that loss: the arenas' elements, one arena behind the other. */
  readonly gradient: Float32Array;
}

/** How to run the micro-batches. */
export interface GradientOptions {
  /** Of the dropout masks: every measurement with one seed draws the same. */
  readonly seed: number;
  readonly gradientCheckpointing: boolean;
}

/**
 * The gradient of each of `batches` alone, all on the same weights. Call it between optimizer steps:
 * gradients are zero then, and are so again afterwards; weights and moments are not touched.
 */
export const gradientsOf = (
  trainee: Trainee,
  batches: ReadonlyArray<PackedBatch>,
  { seed, gradientCheckpointing }: GradientOptions,
): Effect.Effect<ReadonlyArray<MeasuredGradient>, GpuError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const ring = yield* gpu.allocate([2]);
    const gradients = trainee.parameters.arenas.map(({ gradient }) => gradient!);
    const measured = yield* Effect.forEach(
      batches,
      (batch, step) =>
        Effect.scoped(Effect.gen(function* () {
          const tensors = yield* uploadBatch(gpu, batch);
          const { lossWeight } = batch;
          yield* gpu.submit((pass) => {
            const record = { ring, slot: 0, accumulate: false };
            const mode = { seed, step };
            const scale = lossWeight > 0 ? 1 / lossWeight : 0;
            recordMicroBatch(pass, trainee, tensors, scale, gradientCheckpointing, mode, record);
          });
          const gradient = yield* downloadAll(gpu, gradients);
          yield* gpu.submit((pass) => gradients.forEach((tensor) => fill(pass, tensor, 0)));
          return { gradient, loss: (yield* gpu.download(ring))[0]! / lossWeight };
        })),
    );
    return measured;
  }));

/** The trained values, laid out as the gradients are. */
export const valuesOf = (
  { parameters }: Trainee,
): Effect.Effect<Float32Array, GpuError, Gpu> =>
  Effect.flatMap(Gpu, (gpu) => downloadAll(gpu, parameters.arenas.map(({ value }) => value)));

const downloadAll = (
  gpu: Gpu,
  tensors: ReadonlyArray<Tensor>,
): Effect.Effect<Float32Array, GpuError> =>
  Effect.gen(function* () {
    const all = new Float32Array(tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
    let at = 0;
    for (const tensor of tensors) {
      all.set(yield* gpu.download(tensor), at);
      at += sizeOf(tensor.shape);
    }
    return all;
  });
