/** Measures between a token and words that take its place in prompts, whatever a state is read from. @module */
import { Effect } from "effect";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { ModelError } from "../models/model_error.ts";
import { type ComparedWord, fillSlots } from "./compared_words.ts";
import type { ReadInto } from "./read_into.ts";
import { l2Distance, meanMeasures, meanVector, measure, type Measures } from "./vector_distance.ts";

/** A word by block: its last sub-token, and the mean of its sub-tokens' states. */
export interface WordMeasures extends ComparedWord {
  readonly last: ReadonlyArray<Measures>;
  readonly mean: ReadonlyArray<Measures>;
}

/** The token that words take the place of. */
export interface Reference {
  readonly tokenizer: Tokenizer;
  readonly token: number;
}

/** Means over `prompts` and the token's occurrences in them, for each of `words`. */
export const wordMeasures = (
  { blocks, read }: ReadInto,
  { tokenizer, token }: Reference,
  prompts: ReadonlyArray<ReadonlyArray<number>>,
  words: ReadonlyArray<ComparedWord>,
): Effect.Effect<ReadonlyArray<WordMeasures>, GpuError | ModelError, Gpu> =>
  Effect.gen(function* () {
    const fills = [[token], ...words.map(({ ids }) => ids)];
    const filled = prompts.flatMap((ids) =>
      fills.map((word) => fillSlots(tokenizer, ids, token, word))
    );
    const pairs = words.map(() => ({ last: listsOf(blocks), mean: listsOf(blocks) }));
    let own: ReadonlyArray<ReadonlyArray<Float32Array>> = []; // by slot and block, of this prompt
    yield* read(
      filled.map(({ ids, at }) => ({ ids, at: at.flat() })),
      (index, state) => {
        const { at } = filled[index]!;
        const word = index % fills.length - 1;
        if (word < 0) {
          own = at.map((_, slot) =>
            blockIndices(blocks).map((block) => state(block, slot).slice())
          );
          return;
        }
        const { last, mean } = pairs[word]!;
        const subTokens = words[word]!.ids.length;
        for (const [slot, states] of own.entries()) {
          for (const [block, mine] of states.entries()) {
            const theirs = words[word]!.ids.map((_, sub) => state(block, slot * subTokens + sub));
            const measures = measure(mine, theirs.at(-1)!);
            last[block]!.push(measures);
            mean[block]!.push(subTokens === 1 ? measures : measure(mine, meanVector(theirs)));
          }
        }
      },
    );
    return words.map((word, index) => ({
      ...word,
      last: pairs[index]!.last.map(meanMeasures),
      mean: pairs[index]!.mean.map(meanMeasures),
    }));
  });

const blockIndices = (blocks: number): ReadonlyArray<number> =>
  Array.from({ length: blocks }, (_, block) => block);

const listsOf = (blocks: number): ReadonlyArray<Measures[]> =>
  Array.from({ length: blocks }, () => []);

/** By block, the L2 from the token to each id of `vocabulary` in the place of it in `prompt`. */
export const vocabularyDistances = (
  { blocks, read }: ReadInto,
  { token }: Reference,
  prompt: ReadonlyArray<number>,
  vocabulary: ReadonlyArray<number>,
): Effect.Effect<ReadonlyArray<Float64Array>, GpuError | ModelError, Gpu> =>
  Effect.gen(function* () {
    const at = [prompt.indexOf(token)];
    const found = blockIndices(blocks).map(() => new Float64Array(vocabulary.length));
    let own: ReadonlyArray<Float32Array> = [];
    yield* read(
      [token, ...vocabulary].map((id) => ({ ids: prompt.with(at[0]!, id), at })),
      (index, state) => {
        if (index === 0) own = blockIndices(blocks).map((block) => state(block, 0).slice());
        else {own.forEach((mine, block) =>
            found[block]![index - 1] = l2Distance(mine, state(block, 0))
          );}
      },
    );
    return found;
  });
