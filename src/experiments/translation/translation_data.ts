/** The bitext of the miniature world as the data of an experiment, one direction at a time. @module */
import { Effect } from "effect";
import { type Bitext, drawBitext, type Pair } from "../../../fixtures/world/bitext.ts";
import { newToken } from "../../../fixtures/world/downstream.ts";
import { fill, framesOf, place } from "../../../fixtures/world/frames.ts";
import { makeRandom } from "../../../fixtures/world/random.ts";
import { sentencesOf, wordsOfSecond } from "../../../fixtures/world/second_language.ts";
import type { Split } from "../../../fixtures/world/wordings.ts";
import type { RunConfig } from "../../config/run_config.ts";
import type { Message } from "../../data/chat.ts";
import type { DataError } from "../../data/data_error.ts";
import { encodeChat, type Example } from "../../data/example.ts";
import type { Tokenizer } from "../../data/tokenizer.ts";
import { dataOverlap } from "../../evaluation/data_overlap.ts";
import type { Direction } from "../recipe.ts";
import { withAnchor } from "../task_anchor.ts";
import { type Dictionary, dictionaryFrom, reversed } from "./dictionary.ts";

/** A document to translate: how it is asked for, and what it should be. */
export interface TranslationItem {
  /** The request, `{document}` where the document stands. */
  readonly phrasing: string;
  /** Text before the request. */
  readonly anchor?: string;
  readonly document: string;
  readonly reference: string;
}

/** How many test texts training shows; 0 in the miniature world, whose splits are apart. */
export interface TestOverlap {
  readonly documents: number;
  readonly sentences: number;
  readonly phrasings: number;
}

/** The data of one seed and direction. */
export interface TranslationData {
  readonly direction: Direction;
  readonly downstream: {
    readonly diversified: ReadonlyArray<Example>;
    /** The same documents, always in the first phrasing. */
    readonly one: ReadonlyArray<Example>;
  };
  /** The diversified downstream examples: demonstrations are drawn from them. */
  readonly items: ReadonlyArray<TranslationItem>;
  /** For choosing settings; neither trained on nor part of the scores. */
  readonly dev: ReadonlyArray<TranslationItem>;
  readonly test: ReadonlyArray<TranslationItem>;
  readonly overlap: TestOverlap;
  /** Words of the source with their translations. */
  readonly dictionary: Dictionary;
}

/** Sentences of a document: with more, demonstrations would not fit the base's positions. */
const sentencesPerDocument = 2;

/** Documents of the dev split. */
const devItems = 40;

/** The words of a text, one language or the other; two letters spell one of the second language's. */
export const wordsIn = (language: "first" | "second", text: string): ReadonlyArray<string> =>
  language === "first" ? text.split(" ") : wordsOfSecond(text);

/** The languages of a direction. */
export const languagesOf = (
  direction: Direction,
): { readonly source: "first" | "second"; readonly target: "first" | "second" } =>
  direction === "to_second"
    ? { source: "first", target: "second" }
    : { source: "second", target: "first" };

/** User and assistant of an item; `beside` stands after the document. */
export const turnsOf = (
  { phrasing, anchor, document, reference }: TranslationItem,
  beside = "",
): readonly [user: Message, assistant: Message] => [
  {
    role: "user",
    content: withAnchor(
      phrasing.replace("{document}", () => beside === "" ? document : `${document} ${beside}`),
      anchor,
    ),
  },
  { role: "assistant", content: reference },
];

/** Every frame of a split before and after the document, in an order drawn by the seed. */
const phrasingsOf = (seed: number, split: Split): ReadonlyArray<string> =>
  makeRandom(seed, 0x70000000).shuffled(
    framesOf(split).flatMap(({ text }) =>
      [true, false].map((before) => place("{document}", fill(text, newToken), before))
    ),
  );

const itemsOf = (
  pairs: ReadonlyArray<Pair>,
  direction: Direction,
  phrasings: ReadonlyArray<string>,
  anchor: string | undefined,
): ReadonlyArray<TranslationItem> => {
  const { source, target } = languagesOf(direction);
  return pairs.map((pair, at) => ({
    phrasing: phrasings[at % phrasings.length]!,
    ...anchor === undefined ? {} : { anchor },
    document: pair[source],
    reference: pair[target],
  }));
};

const overlapOf = (
  train: ReadonlyArray<TranslationItem>,
  test: ReadonlyArray<TranslationItem>,
): TestOverlap => {
  const sentences = (items: ReadonlyArray<TranslationItem>) =>
    items.flatMap(({ document }) => sentencesOf(document))
      .map((context) => ({ context, phrasing: "" }));
  const parts = (items: ReadonlyArray<TranslationItem>) =>
    items.map(({ document, phrasing }) => ({ context: document, phrasing }));
  const { contexts, phrasings } = dataOverlap(parts(train), parts(test));
  return {
    documents: contexts.test.length,
    sentences: dataOverlap(sentences(train), sentences(test)).contexts.test.length,
    phrasings: phrasings.test.length,
  };
};

const dictionaryOf = (
  { train }: Bitext,
  direction: Direction,
  given: Dictionary | undefined,
): Dictionary => {
  if (given) return direction === "to_second" ? given : reversed(given);
  const { source, target } = languagesOf(direction);
  return dictionaryFrom(train.map((pair) => ({
    source: wordsIn(source, pair[source]),
    target: wordsIn(target, pair[target]),
  })));
};

/**
 * Draws the data of `seed` both ways: downstream documents in training phrasings, dev and test documents
 * in held-out ones. The dictionary is `given`, first language to second, or estimated from the documents
 * that are trained on. `tokenizer` knows the new token already.
 */
export const translationData = (
  tokenizer: Tokenizer,
  { data, training }: Pick<RunConfig, "data" | "training">,
  seed: number,
  given?: Dictionary,
): Effect.Effect<Readonly<Record<Direction, TranslationData>>, DataError> =>
  Effect.gen(function* () {
    const bitext = drawBitext(seed, {
      train: data.downstreamItems,
      dev: devItems,
      test: data.testItems,
      sentences: sentencesPerDocument,
    });
    const [known, heldOut] = [phrasingsOf(seed, "training"), phrasingsOf(seed, "held-out")];
    const encodeAll = (items: ReadonlyArray<TranslationItem>) =>
      Effect.forEach(items, (item) => encodeChat(tokenizer, { messages: turnsOf(item) }, training));
    const one = (direction: Direction): Effect.Effect<TranslationData, DataError> =>
      Effect.gen(function* () {
        const draw = (pairs: ReadonlyArray<Pair>, phrasings: ReadonlyArray<string>) =>
          itemsOf(pairs, direction, phrasings, data.anchor);
        const items = draw(bitext.train, known);
        const test = draw(bitext.test, heldOut);
        return {
          direction,
          downstream: {
            diversified: yield* encodeAll(items),
            one: yield* encodeAll(draw(bitext.train, known.slice(0, 1))),
          },
          items,
          dev: draw(bitext.dev, heldOut),
          test,
          overlap: overlapOf(items, test),
          dictionary: dictionaryOf(bitext, direction, given),
        };
      });
    return { to_second: yield* one("to_second"), to_first: yield* one("to_first") };
  });
