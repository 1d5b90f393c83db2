/** Batched generation with a KV cache: a finished sequence makes room for the next prompt. @module */
import { Effect, Option, Stream } from "effect";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import { ModelError } from "../models/model_error.ts";
import type { Subject } from "../nn/adapter.ts";
import { allocateKvCache } from "./kv_cache.ts";
import { completionOf, isDone, type Row } from "./row.ts";
import type { Completion, Decoding, Prompt } from "./sampler.ts";
import { type Mix, prepareStep } from "./step.ts";

export type { Mix } from "./step.ts";

/** How prompts are answered together. */
export interface GenerateOptions {
  /** Sequences in the cache at once; all unless told. GPU memory grows with it. */
  readonly slots?: number;
  /**
   * Lets rows depend on each other: every `width` prompts next to each other belong together, have one
   * seed and get one answer, which has the index of the group.
   */
  readonly mix?: Mix;
  /** Sees what the open answers have so far, at every token. */
  readonly onTokens?: (answers: ReadonlyArray<Completion>) => Effect.Effect<void>;
}

/**
 * Answers `prompts`, `slots` at a time; completions come as they end, each with the index of its prompt.
 * The draws of a prompt depend on its own seed and tokens alone, not on what is generated beside it,
 * unless `mix` lets them. Fails with `EmptyPrompt` where a prompt has no tokens, and with
 * `TooManyPositions` when one and its new tokens do not fit the model's positions.
 */
export const generate = (
  subject: Subject,
  prompts: ReadonlyArray<Prompt>,
  decoding: Decoding,
  { slots = prompts.length, mix, onTokens }: GenerateOptions = {},
): Stream.Stream<Completion, GpuError | ModelError, Gpu> =>
  Stream.unwrap(Effect.gen(function* () {
    const { shape, positions: allowed } = subject.decoder;
    const { maxNewTokens } = decoding;
    const width = mix?.width ?? 1;
    const capacity = prompts.reduce((most, { ids }) => Math.max(most, ids.length), 0) +
      maxNewTokens;
    if (prompts.length === 0) return Stream.empty;
    const empty = prompts.findIndex(({ ids }) => ids.length === 0);
    if (empty >= 0) {
      const index = Math.floor(empty / width);
      return yield* new ModelError({ reason: { _tag: "EmptyPrompt", index } });
    }
    if (capacity > allowed) {
      return yield* new ModelError({
        reason: { _tag: "TooManyPositions", positions: capacity, allowed },
      });
    }
    const most = Math.min(prompts.length, Math.max(1, Math.floor(slots / width)) * width);
    const cache = yield* allocateKvCache(shape, most, capacity);
    const sizes = { mostRows: most, ...mix ? { mix } : {} };
    const step = yield* prepareStep(subject, cache, decoding, sizes);

    const free = Array.from({ length: most }, (_, slot) => slot);
    let rows: ReadonlyArray<Row> = [];
    let next = 0;
    const admit = (): ReadonlyArray<Row> => {
      const count = Math.min(Math.floor(free.length / width) * width, prompts.length - next);
      return prompts.slice(next, next += count).map((prompt, at) => ({
        index: next - count + at,
        prompt,
        slot: free.pop()!,
        ids: [],
        logProbabilities: [],
      }));
    };
    const answersOf = (rows: ReadonlyArray<Row>): ReadonlyArray<Completion> =>
      rows.filter(({ index }) => index % width === 0)
        .map((row) => ({ ...completionOf(row, decoding), index: row.index / width }));

    const round = Effect.gen(function* () {
      const admitted = admit();
      rows = [...rows, ...admitted];
      yield* step(rows, admitted);
      if (onTokens) yield* onTokens(answersOf(rows));
      const done = rows.filter((row) => isDone(row, decoding));
      rows = rows.filter((row) => !isDone(row, decoding));
      free.push(...done.map(({ slot }) => slot));
      const open = rows.length > 0 || next < prompts.length;
      return [answersOf(done), open ? Option.some(undefined) : Option.none()] as const;
    });
    return Stream.paginate(undefined, () => round);
  }));

/** Answers all `prompts` at once, in their order, as {@linkcode generate} does. */
export const generateBatch = (
  subject: Subject,
  prompts: ReadonlyArray<Prompt>,
  decoding: Decoding,
  options: Omit<GenerateOptions, "slots"> = {},
): Effect.Effect<ReadonlyArray<Completion>, GpuError | ModelError, Gpu> =>
  Effect.map(
    Stream.runCollect(generate(subject, prompts, decoding, options)),
    (completions) => completions.toSorted((a, b) => a.index - b.index),
  );
