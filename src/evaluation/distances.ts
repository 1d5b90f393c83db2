/**
 * How near a new token's hidden states lie to those of words: the paper's L2 measure (arXiv 2408.10841,
 * table 1), whose exact definition is unpublished, in four variants, after every block, with the words
 * and measures that tell nearness to one word from nearness to every word.
 *
 * @module
 */
import { Effect } from "effect";
import type { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { ModelError } from "../models/model_error.ts";
import type { Subject } from "../nn/adapter.ts";
import {
  type ComparedWord,
  comparedWord,
  formatWords,
  frequentWords,
  targetWords,
  vocabularyWords,
} from "./compared_words.ts";
import type { Place } from "./hidden_states.ts";
import { type ReadInto, rowStates, streamStates } from "./read_into.ts";
import { vocabularyDistances, type WordMeasures, wordMeasures } from "./word_measures.ts";
import { type Measures, rankOf, specificityOf } from "./vector_distance.ts";

/** How far a word lies from the new token after one block. */
export interface BlockDistance extends Measures {
  /** 1 where no other word is nearer by L2. */
  readonly rank: number;
  /** How much nearer it lies than all control words; see {@linkcode specificityOf}. */
  readonly specificity: Measures;
  /** The same against the names of other formats alone. */
  readonly formatSpecificity: Measures;
}

/** A word by block: its last sub-token, and the mean of its sub-tokens' states. */
export interface WordDistances extends ComparedWord {
  readonly last: ReadonlyArray<BlockDistance>;
  readonly mean: ReadonlyArray<BlockDistance>;
}

/** What one variant says. */
export interface VariantDistances {
  readonly words: ReadonlyArray<WordDistances>;
  readonly frequent: ReadonlyArray<WordMeasures>;
  readonly formats: ReadonlyArray<WordMeasures>;
  /** Words that a rank is among. */
  readonly rankedAmong: number;
}

/** The variants, from the one that is primary to the one without a model. */
export interface DistanceVariants {
  /** V1: the word in place of every new token of each prompt; means over prompts and occurrences. */
  readonly slot: VariantDistances;
  /** V2: BOS, then the token or the word. Absent where the tokenizer has no BOS. */
  readonly isolated?: VariantDistances;
  /** V3: nothing before it, so that it stands where models put massive activations. */
  readonly bare: VariantDistances;
  /** V4: the rows of the embedding as they enter the first block, adapter included; one "block". */
  readonly row: VariantDistances;
}

/** What {@linkcode distances} gives. */
export interface Distances {
  /** The new token as the vocabulary spells it. */
  readonly token: string;
  readonly variants: DistanceVariants;
  /** Control words that were left out: the vocabulary lacks them. */
  readonly leftOut: ReadonlyArray<string>;
}

/** What to compare with; the lists of `compared_words.ts` unless told. */
export interface DistanceOptions {
  readonly words?: ReadonlyArray<string>;
  readonly frequent?: ReadonlyArray<string>;
  readonly formats?: ReadonlyArray<string>;
  /** Rank V2 among the whole vocabulary (a forward of a token a word), not only the words compared. */
  readonly rankIsolated?: boolean;
}

interface Compared {
  readonly words: ReadonlyArray<ComparedWord>;
  readonly frequent: ReadonlyArray<ComparedWord>;
  readonly formats: ReadonlyArray<ComparedWord>;
}

/**
 * Distances from the token at `slots` to words. The slots' token is the new one, the same in all, and is
 * replaced wherever it occurs. Fails with `UnknownToken` for a word (not a control) that the vocabulary
 * lacks.
 *
 * ```ts
 * import { Effect } from "effect";
 * import type { Tokenizer } from "@delia/delia/data";
 * import { distances, namedBlocks, type Place } from "@delia/delia/evaluation";
 * import type { Subject } from "@delia/delia";
 *
 * const nearness = (subject: Subject, tokenizer: Tokenizer, slots: ReadonlyArray<Place>) =>
 *   Effect.gen(function* () {
 *     const { variants: { slot } } = yield* distances(subject, tokenizer, slots);
 *     const { first, last } = namedBlocks(slot.words[0]!.last);
 *     return `json: ${first.l2} to ${last.l2}, rank ${last.rank} of ${slot.rankedAmong}`;
 *   });
 * ```
 */
export const distances: (
  subject: Subject,
  tokenizer: Tokenizer,
  slots: ReadonlyArray<Place>,
  options?: DistanceOptions,
) => Effect.Effect<Distances, DataError | GpuError | ModelError, Gpu> = Effect.fnUntraced(
  function* (subject, tokenizer, slots, options = {}) {
    const { rankIsolated = true } = options;
    const token = tokenOfSlots(slots);
    const { leftOut, ...compared } = yield* comparedWords(tokenizer, options);
    const reference = { tokenizer, token };
    const vocabulary = vocabularyWords(tokenizer).filter((id) => id !== token);
    const among = (read: ReadInto, prompts: ReadonlyArray<ReadonlyArray<number>>, all: boolean) =>
      Effect.gen(function* () {
        const words = [...compared.words, ...compared.frequent, ...compared.formats];
        const measured = yield* wordMeasures(read, reference, prompts, words);
        const ranked = all
          ? yield* vocabularyDistances(read, reference, prompts[0]!, vocabulary)
          : undefined;
        return variantOf(compared, measured, ranked && { ids: vocabulary, distances: ranked });
      });
    const streams = streamStates(subject);
    const { bosId } = tokenizer;
    return {
      token: tokenizer.tokenOf(token) ?? String(token),
      leftOut,
      variants: {
        slot: yield* among(streams, slots.map(({ ids }) => ids), false),
        ...bosId === undefined
          ? {}
          : { isolated: yield* among(streams, [[bosId, token]], rankIsolated) },
        bare: yield* among(streams, [[token]], false),
        row: yield* among(rowStates(subject), [[token]], true),
      },
    };
  },
);

const tokenOfSlots = (slots: ReadonlyArray<Place>): number => {
  const tokens = new Set(slots.map(({ ids, at }) => ids[at]));
  const [token] = tokens;
  if (tokens.size !== 1 || token === undefined) {
    throw new RangeError(`Expected slots of one token but found [${[...tokens]}]`);
  }
  return token;
};

const comparedWords = (
  tokenizer: Tokenizer,
  { words = targetWords, frequent = frequentWords, formats = formatWords }: DistanceOptions,
): Effect.Effect<Compared & Pick<Distances, "leftOut">, DataError> =>
  Effect.gen(function* () {
    const leftOut: string[] = [];
    const known = (controls: ReadonlyArray<string>) =>
      Effect.forEach(
        controls.filter((word) => !words.includes(word)),
        (word) =>
          comparedWord(tokenizer, word).pipe(
            Effect.map((found) => [found]),
            Effect.catchTag("DataError", () => {
              leftOut.push(word);
              return Effect.succeed([]);
            }),
          ),
      ).pipe(Effect.map((found) => found.flat()));
    return {
      words: yield* Effect.forEach(words, (word) => comparedWord(tokenizer, word)),
      frequent: yield* known(frequent),
      formats: yield* known(formats),
      leftOut,
    };
  });

/** L2 of each word of a vocabulary, by block. */
interface Ranked {
  readonly ids: ReadonlyArray<number>;
  readonly distances: ReadonlyArray<Float64Array>;
}

const variantOf = (
  { words, frequent }: Compared,
  measured: ReadonlyArray<WordMeasures>,
  ranked: Ranked | undefined,
): VariantDistances => {
  const targets = measured.slice(0, words.length);
  const [ordinary, formats] = [
    measured.slice(words.length, words.length + frequent.length),
    measured.slice(words.length + frequent.length),
  ];
  const controls = [...ordinary, ...formats];
  const blocksOf = (word: WordMeasures, of: "last" | "mean"): ReadonlyArray<BlockDistance> =>
    word[of].map((measures, block): BlockDistance => ({
      ...measures,
      rank: rankOf(
        measures.l2,
        ranked
          ? othersIn(ranked, word, block)
          : measured.filter((other) => other !== word).map((other) => other[of][block]!.l2),
      ),
      specificity: specificityOf(measures, controls.map((other) => other[of][block]!)),
      formatSpecificity: specificityOf(measures, formats.map((other) => other[of][block]!)),
    }));
  return {
    words: targets.map((word) => ({
      ...word,
      last: blocksOf(word, "last"),
      mean: blocksOf(word, "mean"),
    })),
    frequent: ordinary,
    formats,
    rankedAmong: ranked ? ranked.ids.length : measured.length,
  };
};

// A word of several sub-tokens is not in the vocabulary itself, but they are.
const othersIn = ({ ids, distances }: Ranked, word: ComparedWord, block: number): Float64Array => {
  const own = word.ids.length === 1 ? ids.indexOf(word.ids[0]!) : -1;
  return distances[block]!.filter((_, index) => index !== own);
};

/** The first, the middle (⌈blocks / 2⌉) and the last block, as the paper's table has them. */
export const namedBlocks = <Block>(
  blocks: ReadonlyArray<Block>,
): { readonly first: Block; readonly middle: Block; readonly last: Block } => {
  if (blocks.length === 0) throw new RangeError("Expected a block but found none");
  return {
    first: blocks[0]!,
    middle: blocks[Math.ceil(blocks.length / 2) - 1]!,
    last: blocks.at(-1)!,
  };
};
