/** Diverse data from a file: chats of any origin, or self-samples with those left out that teach nothing good. @module */
import { Effect, type FileSystem, Stream } from "effect";
import type { Chat } from "../data/chat.ts";
import { type DataError, someChats } from "../data/data_error.ts";
import { Datasets } from "../data/datasets.ts";
import { readSamples, type SampleCacheError } from "./sample_cache.ts";
import { chatOf, rejectionOf } from "./self_sample.ts";

/**
 * The chats in `file`. Where it holds self-samples, those that are empty, cut off or that name
 * `newToken`, or the reference answer that a guided prompt showed, are left out, and the others are in the order of their queries.
 * Fails with `NoChat` where none remains.
 */
export const diverseChats = (
  file: string,
  newToken: string,
): Effect.Effect<
  ReadonlyArray<Chat>,
  DataError | SampleCacheError,
  Datasets | FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const stored = yield* readSamples(file);
    if (stored) {
      const { samples, promptMode } = stored;
      const usable = samples.filter((sample) => !rejectionOf(sample, newToken, { promptMode }));
      return yield* someChats(usable.map(chatOf), file, samples.length);
    }
    const datasets = yield* Datasets;
    return yield* Stream.runCollect(datasets.open(file));
  });
