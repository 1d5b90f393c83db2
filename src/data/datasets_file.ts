/** Data sets in files: `Datasets` over chat JSONL on a file system. @module */
import { Effect, FileSystem, Layer, Stream } from "effect";
import { Datasets } from "./datasets.ts";
import { chatsFromBytes } from "./jsonl.ts";

/**
 * A source is the path of a chat JSONL file.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect, FileSystem, Stream } from "effect";
 * import { Datasets, layerDatasetsFile } from "@delia/delia/data";
 *
 * const first = Effect.gen(function* () {
 *   const datasets = yield* Datasets;
 *   return yield* Stream.runHead(datasets.open("chats.jsonl"));
 * }).pipe(Effect.provide(layerDatasetsFile), Effect.provide(FileSystem.layerNoop({})), Effect.flip);
 * const { message } = await Effect.runPromise(first);
 * assert(message.startsWith("chats.jsonl cannot be read"));
 * ```
 */
export const layerDatasetsFile: Layer.Layer<Datasets, never, FileSystem.FileSystem> = Layer.effect(
  Datasets,
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem;
    return {
      open: (path) =>
        chatsFromBytes(
          path,
          () =>
            Stream.toReadableStream(files.stream(path)) as ReadableStream<Uint8Array<ArrayBuffer>>,
        ),
    };
  }),
);
