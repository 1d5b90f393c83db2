/** The products that a model takes in training and generation, found by recording both on a dry GPU. @module */
import { Effect, Schema } from "effect";
import { OptimizerConfig } from "../config/optimizer_config.ts";
import { pack } from "../data/batch.ts";
import { allocateKvCache } from "../generation/kv_cache.ts";
import type { Row } from "../generation/row.ts";
import { prepareStep } from "../generation/step.ts";
import { type AdapterFacts, Gpu, type GpuError } from "../gpu/gpu.ts";
import { dryGpu } from "../gpu/dry_gpu.ts";
import { type AskedProduct, withTuning } from "../gpu/tuning.ts";
import type { Architecture, ModelShape } from "../models/architecture.ts";
import type { Decoder } from "../models/decoder.ts";
import { loadDecoder } from "../models/load_decoder.ts";
import type { ModelError } from "../models/model_error.ts";
import { randomWeights } from "../models/random_weights.ts";
import { type LoraOptions, makeAdapter } from "../nn/adapter.ts";
import type { StorageFormat } from "../ops/unpack.ts";
import { trainStep } from "../training/step.ts";
import { rowRange, type Weights } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { classOf } from "./product_class.ts";

/** What is done with the model. */
export interface Work {
  readonly storage: StorageFormat;
  readonly lora: LoraOptions;
  /** Sequences of a micro-batch, and tokens of each; the loss reads the second half of them. */
  readonly sequences: number;
  readonly length: number;
  readonly gradientCheckpointing: boolean;
  /** Prompts that are answered at once. */
  readonly slots: number;
}

/**
 * One product a class that `adapter` would be asked to make, the largest of each: of a training
 * micro-batch, of prompts that are read and answered together, and of one answer alone.
 */
export const modelProducts = (
  { architecture, shape }: { readonly architecture: Architecture; readonly shape: ModelShape },
  adapter: AdapterFacts,
  work: Work,
): Effect.Effect<ReadonlyArray<AskedProduct>, GpuError | ModelError | WeightsError> => {
  const largest = new Map<string, AskedProduct>();
  const configurationOf = (product: AskedProduct): undefined => {
    const key = classOf(product);
    if (sizeOfProduct(product) > (largest.has(key) ? sizeOfProduct(largest.get(key)!) : 0)) {
      largest.set(key, product);
    }
  };
  const gpu = withTuning(dryGpu(adapter), { configurationOf });
  return Effect.scoped(Effect.gen(function* () {
    const newId = shape.vocab;
    const decoder = yield* loadDecoder(architecture, shape, blankWeights(architecture, shape), {
      storage: work.storage,
      newIds: [newId],
      positions: work.length + 1,
    });
    yield* trainOnce(decoder, newId, work);
    yield* answerOnce(decoder, work.slots, work.length);
    yield* answerOnce(decoder, 1, 1);
    return [...largest.values()];
  })).pipe(Effect.provideService(Gpu, gpu));
};

const sizeOfProduct = ({ rows, depth, cols }: AskedProduct): number => rows * depth * cols;

// Values are never looked at.
const blankWeights = (architecture: Architecture, shape: ModelShape): Weights => {
  const known = randomWeights(architecture, shape, 0);
  return {
    ...known,
    read: (name, _, rows) => {
      const described = known.describe(name);
      if (!described) return known.read(name);
      const part = rowRange(described.shape, rows ?? { from: 0, to: described.shape[0]! });
      const data = new Float32Array(part.end - part.begin);
      return Effect.succeed({ shape: part.shape, data });
    },
  };
};

const idsOf = (length: number): ReadonlyArray<number> => Array.from({ length }, () => 0);

const trainOnce = (decoder: Decoder, newId: number, work: Work) =>
  Effect.gen(function* () {
    const { hidden, tiedHead } = decoder.shape;
    // A LoRA on the embedding goes with no rows of new tokens.
    const rows = work.lora.targetModules.includes("embed_tokens") ? {} : {
      rows: {
        ids: [newId],
        input: new Float32Array(hidden),
        ...tiedHead ? {} : { output: new Float32Array(hidden) },
        trained: true,
      },
    };
    const adapter = yield* makeAdapter(decoder, work.lora, 0, rows);
    const ids = idsOf(work.length);
    const example = { ids, supervised: ids.map((_, i) => 2 * i >= work.length) };
    const batch = pack(Array.from({ length: work.sequences }, () => example), 32);
    const optimizer = Schema.decodeSync(OptimizerConfig)({ warmupSteps: 0 });
    const ring = yield* (yield* Gpu).allocate([2]);
    yield* trainStep(
      { decoder: adapter.decoder, parameters: adapter.parameters, adapter },
      {
        ...{ optimizer, seed: 0, accumulationSteps: 1 },
        gradientCheckpointing: work.gradientCheckpointing,
      },
      [batch],
      0,
      0,
      { ring, slot: 0 },
    );
  });

// One token as the prompts are read, and one after.
const answerOnce = (decoder: Decoder, slots: number, length: number) =>
  Effect.gen(function* () {
    const cache = yield* allocateKvCache(decoder.shape, slots, length + 1);
    const decoding = {
      ...{ temperature: 1, topP: 0.95, maxNewTokens: 1, stopIds: [0] },
      valid: decoder.shape.vocab,
    };
    const step = yield* prepareStep({ decoder }, cache, decoding, { mostRows: slots });
    const rows = Array.from({ length: slots }, (_, slot): Row => ({
      index: slot,
      prompt: { ids: idsOf(length), seed: 0 },
      slot,
      ids: [],
      logProbabilities: [],
    }));
    yield* step(rows, rows);
    yield* step(rows, []);
  });
