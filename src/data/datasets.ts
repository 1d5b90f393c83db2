/** Where chats come from: a service that opens a source by name. @module */
import { Context, Layer, Stream } from "effect";
import type { Chat } from "./chat.ts";
import { DataError } from "./data_error.ts";

/** Opens sources of chats. */
export interface Datasets {
  /** Chats in the order of the source, read as they are asked for. */
  readonly open: (source: string) => Stream.Stream<Chat, DataError>;
}

/** The sources of a run. */
export const Datasets: Context.Service<Datasets, Datasets> = Context.Service(
  "delia/data/Datasets",
);

/**
 * Sources held in memory, by name. Opening another name fails with `NoSuchDataset`.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect, Stream } from "effect";
 * import { Datasets, layerDatasetsMemory } from "@delia/delia/data";
 *
 * const count = Effect.gen(function* () {
 *   const datasets = yield* Datasets;
 *   return yield* Stream.runCount(datasets.open("greetings"));
 * });
 * const greetings = [{ messages: [{ role: "user", content: "hi" }] }] as const;
 * const chats = await Effect.runPromise(Effect.provide(count, layerDatasetsMemory({ greetings })));
 * assert(chats === 1);
 * ```
 */
export const layerDatasetsMemory = (
  chats: Readonly<Record<string, ReadonlyArray<Chat>>>,
): Layer.Layer<Datasets> =>
  Layer.succeed(Datasets, {
    open: (source) => {
      const found = Object.hasOwn(chats, source) ? chats[source] : undefined;
      return found === undefined
        ? Stream.fail(
          new DataError({ reason: { _tag: "NoSuchDataset", source, known: Object.keys(chats) } }),
        )
        : Stream.fromIterable(
          found.map((chat, i) => ({ ...chat, at: chat.at ?? { file: source, line: i + 1 } })),
        );
    },
  });
