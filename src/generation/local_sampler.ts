/** The sampler that answers with a model on this machine's GPU. @module */
import { Effect, Layer, Stream } from "effect";
import { Gpu } from "../gpu/gpu.ts";
import type { Subject } from "../nn/adapter.ts";
import { generateBatch } from "./generate.ts";
import { type Completion, type Prompt, Sampler, SamplerError } from "./sampler.ts";

/**
 * Answers with `subject`, `batchSize` prompts at a time. Prompts of like length share a batch, so
 * that none waits for a much longer one; completions come in that order.
 */
export const layerLocal = (
  subject: Subject,
  batchSize: number,
): Layer.Layer<Sampler, never, Gpu> =>
  Layer.effect(
    Sampler,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      return {
        generate: (prompts, decoding) => {
          const order = prompts.map((prompt, index) => ({ prompt, index }));
          order.sort((a, b) => a.prompt.ids.length - b.prompt.ids.length || a.index - b.index);
          const answer = (
            group: ReadonlyArray<{ readonly prompt: Prompt; readonly index: number }>,
          ) =>
            generateBatch(subject, group.map(({ prompt }) => prompt), decoding).pipe(
              Effect.map((completions) =>
                completions.map((completion): Completion => ({
                  ...completion,
                  index: group[completion.index]!.index,
                }))
              ),
              Effect.mapError(({ message }) => new SamplerError({ problem: message })),
              Effect.provideService(Gpu, gpu),
            );
          return Stream.fromIterable(order).pipe(
            Stream.grouped(batchSize),
            Stream.mapEffect(answer),
            Stream.flattenIterable,
          );
        },
      };
    }),
  );
