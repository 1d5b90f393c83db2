/** One optimizer step: forward, backward and update, with nothing read back. @module */
import { Effect, type Scope } from "effect";
import type { OptimizerConfig } from "../config/optimizer_config.ts";
import type { PackedBatch } from "../data/batch.ts";
import { Gpu, type GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import { attendWithin, decoderBackward, decoderForward } from "../models/decoder.ts";
import { placeAdapterRows, type Subject } from "../nn/adapter.ts";
import type { TrainingMode } from "../nn/lora_linear.ts";
import type { Parameters } from "../nn/parameters.ts";
import { adamw } from "../ops/adamw.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { embeddingNoise } from "../ops/embedding_noise.ts";
import { embeddingGradient } from "../ops/embedding_gradient.ts";
import { globalNorm } from "../ops/global_norm.ts";
import { sumInto } from "../ops/reduce_sum.ts";
import { type Anchor, anchorDivergence, anchorForward } from "./anchor.ts";
import { wantedRows } from "./wanted_rows.ts";

/** What is trained: a decoder whose own weights have gradients, or an adapter on a frozen one. */
export interface Trainee extends Subject {
  /** The parameters that the optimizer updates. */
  readonly parameters: Parameters;
}

/** Settings that hold for every step of a run. */
export interface StepOptions {
  readonly optimizer: OptimizerConfig;
  /** Seed of the dropout masks and of the noise. */
  readonly seed: number;
  /** Micro-batches an optimizer step; the last of a run may have fewer. */
  readonly accumulationSteps: number;
  /** Keep only layer inputs and run each layer again for its backward. */
  readonly gradientCheckpointing: boolean;
  /** Uniform noise of alpha / √(tokens · hidden) on a sequence's embedded tokens (NEFTune); off unless told. */
  readonly neftuneAlpha?: number;
  /** AdamW passes over elements without a gradient; off unless told. */
  readonly lazyAdam?: boolean;
  /** Holds the predictions of anchored examples near those of the base; off unless told. */
  readonly anchor?: Anchor;
}

/** Where a step writes its loss and its gradient norm, to be read later. */
export interface StepRecord {
  /** `[2 · steps]`: of each step the sum of the token losses, and the norm. */
  readonly ring: Tensor;
  readonly slot: number;
  /** `[steps]`: to each step's slot the sum of its divergences from the anchor is added. */
  readonly divergences?: Tensor;
}

/** A packed batch on the GPU; u32 `[rows]` each but the weights, which are f32. */
export interface BatchTensors {
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly starts: Tensor;
  readonly ends: Tensor;
  readonly targets: Tensor;
  readonly weights?: Tensor;
  readonly anchored?: Tensor;
}

/** A packed batch on the GPU, and where the loss reads some rows only, those. */
export interface TrainingTensors extends BatchTensors {
  /** The rows that the loss reads, u32 `[wanted]`, with their targets and weights; all where absent. */
  readonly wanted?: Pick<BatchTensors, "targets" | "weights"> & { readonly rows: Tensor };
}

/** Uploads `batch` for as long as the scope lives. */
export const uploadBatch = (
  gpu: Gpu,
  batch: PackedBatch,
): Effect.Effect<BatchTensors, GpuError, Scope.Scope> =>
  Effect.all({
    tokens: gpu.upload(batch.tokens, [batch.rows]),
    positions: gpu.upload(batch.positions, [batch.rows]),
    starts: gpu.upload(batch.starts, [batch.rows]),
    ends: gpu.upload(batch.ends, [batch.rows]),
    targets: gpu.upload(batch.targets, [batch.rows]),
    ...batch.weights ? { weights: gpu.upload(batch.weights, [batch.rows]) } : {},
    ...batch.anchored ? { anchored: gpu.upload(batch.anchored, [batch.rows]) } : {},
  });

const uploadToTrain = (
  gpu: Gpu,
  batch: PackedBatch,
): Effect.Effect<TrainingTensors, GpuError, Scope.Scope> =>
  Effect.gen(function* () {
    const tensors = yield* uploadBatch(gpu, batch);
    const wanted = wantedRows(batch);
    if (!wanted) return tensors;
    const { rows, targets, weights } = wanted;
    const length = [rows.length];
    return {
      ...tensors,
      wanted: yield* Effect.all({
        rows: gpu.upload(rows, length),
        targets: gpu.upload(targets, length),
        ...weights ? { weights: gpu.upload(weights, length) } : {},
      }),
    };
  });

/** What variants of training change of a micro-batch. */
export interface MicroBatchVariant extends Pick<StepOptions, "neftuneAlpha" | "anchor"> {
  /** Factor of the gradient of its divergences from the anchor. */
  readonly anchorScale?: number;
}

/** Forward and backward of one micro-batch: gradients accumulate, the loss is added to the record. */
export const recordMicroBatch = (
  pass: Pass,
  { decoder, adapter }: Trainee,
  batch: TrainingTensors,
  lossScale: number,
  checkpointing: boolean,
  mode: TrainingMode,
  record: StepRecord & { readonly accumulate: boolean },
  { neftuneAlpha = 0, anchor, anchorScale = 0 }: MicroBatchVariant = {},
): void => {
  const { anchored, wanted } = batch;
  const held = anchor && anchored ? { anchor, batch: { ...batch, anchored } } : undefined;
  const baseHidden = held && anchorForward(pass, held.anchor, held.batch);
  if (adapter) placeAdapterRows(pass, adapter);
  const { embeddingScale, logitSoftCap, tiedHead } = decoder.shape;
  const attendOf = attendWithin(batch);
  // The noise is that of rows of the table: a family may scale them.
  const noise = (pass: Pass, x: Tensor): void =>
    embeddingNoise(pass, x, batch, { alpha: neftuneAlpha * embeddingScale, ...mode });
  const forward = decoderForward(pass, decoder, batch.tokens, attendOf, {
    keep: checkpointing ? "layer_inputs" : "everything",
    mode,
    ...wanted ? { wanted: wanted.rows } : {},
    ...neftuneAlpha > 0 ? { onEmbedded: noise } : {},
  });
  const trained = adapter?.rows?.trained;
  const { targets, weights } = wanted ?? batch;
  const { losses, logSumExp, dHidden } = crossEntropy(
    pass,
    {
      hidden: forward.hidden,
      head: decoder.head,
      targets,
      ...weights ? { weights } : {},
    },
    {
      scale: lossScale,
      gradient: true,
      ...logitSoftCap === undefined ? {} : { softCap: logitSoftCap },
      ...trained && tiedHead
        ? { chosen: { rowIds: adapter.rows!.ids, dRows: trained.gradient! } }
        : {},
    },
  );
  sumInto(pass, losses, record.ring, 2 * record.slot, record.accumulate);
  pass.release(losses, logSumExp);
  if (held && baseHidden) {
    const states = { hidden: forward.hidden, baseHidden, dHidden: dHidden! };
    const divergences = anchorDivergence(pass, held.anchor, states, held.batch, anchorScale);
    if (record.divergences) sumInto(pass, divergences, record.divergences, record.slot, true);
    pass.release(divergences, baseHidden);
  }
  const dStream = decoderBackward(pass, decoder, batch.tokens, forward, dHidden!, attendOf, {
    mode,
    wantsEmbedded: trained !== undefined,
  });
  if (trained) {
    const { ids } = adapter.rows!;
    embeddingGradient(pass, dStream, batch.tokens, ids, trained.gradient!, embeddingScale);
  }
  pass.release(dStream, dHidden!);
};

const recordUpdate = (
  pass: Pass,
  { parameters }: Trainee,
  { optimizer: { betas, eps, weightDecay, clipNorm }, lazyAdam = false }: StepOptions,
  learningRate: number,
  step: number,
  { ring, slot }: StepRecord,
): void => {
  const norm = globalNorm(pass, parameters.arenas.map(({ gradient }) => gradient!));
  for (const { value, gradient, first, second, rateFactor } of parameters.arenas) {
    adamw(
      pass,
      { value, gradient: gradient!, first: first!, second: second!, norm },
      {
        learningRate: rateFactor * learningRate,
        beta1: betas[0],
        beta2: betas[1],
        eps,
        weightDecay,
        step: step + 1,
        clipNorm,
        lazy: lazyAdam,
      },
    );
  }
  sumInto(pass, norm, ring, 2 * slot + 1);
  pass.release(norm);
};

/**
 * Trains on `microBatches` as one optimizer step (`step` counts from 0). The loss is the sum over
 * all their supervised tokens divided by the number (or weight) of those, so that four micro-batches
 * of one example and one of four give the same update. An anchor adds its weight times the mean
 * divergence of all their anchored tokens.
 */
export const trainStep = (
  trainee: Trainee,
  options: StepOptions,
  microBatches: ReadonlyArray<PackedBatch>,
  learningRate: number,
  step: number,
  record: StepRecord,
): Effect.Effect<void, GpuError, Gpu> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const lossWeight = microBatches.reduce((sum, batch) => sum + batch.lossWeight, 0);
    const anchoredTokens = microBatches.reduce((sum, batch) => sum + batch.anchoredTokens, 0);
    const anchorScale = (options.anchor?.weight ?? 0) / Math.max(1, anchoredTokens);
    for (const [index, batch] of microBatches.entries()) {
      // By the full length, which `microBatches` may lack: no two micro-batches of a run draw alike.
      const mode = { seed: options.seed, step: step * options.accumulationSteps + index };
      yield* Effect.scoped(Effect.gen(function* () {
        const tensors = yield* uploadToTrain(gpu, batch);
        yield* gpu.submit((pass) => {
          recordMicroBatch(
            pass,
            trainee,
            tensors,
            lossWeight > 0 ? 1 / lossWeight : 0,
            options.gradientCheckpointing,
            mode,
            { ...record, accumulate: index > 0 },
            { ...options, anchorScale },
          );
          if (index === microBatches.length - 1) {
            recordUpdate(pass, trainee, options, learningRate, step, record);
          }
        });
      }));
    }
  });
