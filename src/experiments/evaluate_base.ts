/** How well a base model owns the miniature world: exact answers on fresh items, cell by cell. @module */
import { Effect, Stream } from "effect";
import { type Format, formats } from "../../fixtures/world/formats.ts";
import { makeItem } from "../../fixtures/world/item.ts";
import { makeRandom } from "../../fixtures/world/random.ts";
import { familyWeights, type TaskFamily } from "../../fixtures/world/tasks.ts";
import type { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { layerLocal } from "../generation/local_sampler.ts";
import { Sampler, type SamplerError } from "../generation/sampler.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Subject } from "../nn/adapter.ts";

/** Fresh items of one task family in one format, or with a format forbidden. */
export interface Cell {
  readonly family: TaskFamily;
  /** `negated`: some format is forbidden, and plain is wanted. */
  readonly format: Format | "negated";
  readonly items: number;
  /** Share of answers that equal the right one, word for word. */
  readonly exact: number;
}

const cellKinds: ReadonlyArray<Pick<Cell, "family" | "format">> = familyWeights.flatMap(
  ([family]) => [...formats, "negated" as const].map((format) => ({ family, format })),
);

// Streams of draws far from those of pre-training, whose streams are the indices of its items.
const stream = 0x50000000;

/** Greedy answers to `perCell` items of every cell, drawn by `seed`. */
export const evaluateBase = (
  subject: Subject,
  tokenizer: Tokenizer,
  { perCell, seed }: { readonly perCell: number; readonly seed: number },
): Effect.Effect<ReadonlyArray<Cell>, DataError | SamplerError, Gpu> =>
  Effect.gen(function* () {
    const asked = cellKinds.flatMap((kind, cell) => {
      const random = makeRandom(seed, stream + cell);
      const options = kind.format === "negated"
        ? { family: kind.family, clause: "negated" as const }
        : {
          family: kind.family,
          format: kind.format,
          clause: kind.format === "plain" ? "none" as const : "named" as const,
        };
      return Array.from({ length: perCell }, () => ({ cell, item: makeItem(random, options) }));
    });
    const prompts = yield* Effect.forEach(asked, ({ item }) =>
      Effect.map(
        tokenizer.render(item.messages.slice(0, -1), { addGenerationPrompt: true }),
        ({ ids }) => ({ ids, seed: 0 }),
      ));
    const sampler = yield* Sampler;
    const right = new Array<number>(cellKinds.length).fill(0);
    yield* sampler.generate(prompts, {
      temperature: 0,
      topP: 1,
      maxNewTokens: 48,
      stopIds: tokenizer.stopIds,
      valid: tokenizer.vocabSize,
    }).pipe(Stream.runForEach(({ index, ids }) =>
      Effect.sync(() => {
        const { cell, item } = asked[index]!;
        if (tokenizer.decode(ids) === item.messages.at(-1)!.content) right[cell]!++;
      })
    ));
    return cellKinds.map((kind, cell) => ({
      ...kind,
      items: perCell,
      exact: right[cell]! / perCell,
    }));
  }).pipe(Effect.provide(layerLocal(subject, 256)));
