/** The sampler that answers with a model on this machine's GPU. @module */
import { Effect, Layer, Stream } from "effect";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import type { ModelError } from "../models/model_error.ts";
import type { Subject } from "../nn/adapter.ts";
import { generateBatch } from "./generate.ts";
import { type Completion, Sampler, SamplerError } from "./sampler.ts";

/** How prompts are put into batches. */
export interface Batching<Prompt> {
  /** Tokens of a prompt. */
  readonly length: (prompt: Prompt) => number;
  /** Prompts answered at once. */
  readonly size: number;
}

/**
 * Answers `prompts` by `answer`, a batch at a time. Prompts of like length share a batch, so that none
 * waits for a much longer one; completions come in that order, each with the index of its prompt.
 */
export const inBatches = <Prompt>(
  prompts: ReadonlyArray<Prompt>,
  { length, size }: Batching<Prompt>,
  answer: (
    batch: ReadonlyArray<Prompt>,
  ) => Effect.Effect<ReadonlyArray<Completion>, GpuError | ModelError, Gpu>,
): Stream.Stream<Completion, SamplerError, Gpu> => {
  const order = prompts.map((prompt, index) => ({ prompt, index }));
  order.sort((a, b) => length(a.prompt) - length(b.prompt) || a.index - b.index);
  return Stream.fromIterable(order).pipe(
    Stream.grouped(size),
    Stream.mapEffect((group) =>
      answer(group.map(({ prompt }) => prompt)).pipe(
        Effect.map((completions) =>
          completions.map((completion): Completion => ({
            ...completion,
            index: group[completion.index]!.index,
          }))
        ),
        Effect.mapError(({ message }) => new SamplerError({ problem: message })),
      )
    ),
    Stream.flattenIterable,
  );
};

/** Answers with `subject`, `batchSize` prompts at a time, as {@linkcode inBatches} does. */
export const layerLocal = (
  subject: Subject,
  batchSize: number,
): Layer.Layer<Sampler, never, Gpu> =>
  Layer.effect(
    Sampler,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      return {
        generate: (prompts, decoding) =>
          inBatches(
            prompts,
            { length: ({ ids }) => ids.length, size: batchSize },
            (batch) => generateBatch(subject, batch, decoding),
          ).pipe(Stream.provideService(Gpu, gpu)),
      };
    }),
  );
