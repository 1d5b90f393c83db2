/**
 * What training and test data have in common, contexts and phrasings apart: a model that has seen a test
 * item, or the very words it is asked with, is not tested on it.
 *
 * @module
 */

/** An example in the two parts that may leak. */
export interface ExampleParts {
  /** What the task is about. */
  readonly context: string;
  /** How the instruction is worded. */
  readonly phrasing: string;
}

/** When two texts count as shared. */
export interface OverlapOptions {
  /**
   * From this share on of a test text's n-grams in one training text they count as shared, in (0, 1]; only
   * equal texts unless told.
   */
  readonly containment?: number;
  /** Words of an n-gram; 8 unless told. Shorter texts are shared only where they are equal. */
  readonly words?: number;
}

/** A test text and the training texts that it is shared with. */
export interface SharedText {
  /** Index of the test text. */
  readonly test: number;
  /** Indices of the training texts, rising. */
  readonly train: ReadonlyArray<number>;
  /** The largest share of the test text's n-grams in one of them; 1 for equal texts. */
  readonly containment: number;
}

/** What two lists of texts share. */
export interface TextOverlap {
  readonly shared: ReadonlyArray<SharedText>;
  /** Indices of test texts that are shared, rising: `shared` has one entry for each. */
  readonly test: ReadonlyArray<number>;
  /** Indices of training texts that are shared, rising. */
  readonly train: ReadonlyArray<number>;
}

/** The overlap of examples, part by part. */
export interface DataOverlap {
  readonly contexts: TextOverlap;
  readonly phrasings: TextOverlap;
}

/** A text as it is compared: compatibility forms, letter case and spacing are no difference. */
export const normalText = (text: string): string =>
  text.normalize("NFKC").toLowerCase().replaceAll(/\s+/g, " ").trim();

const gramsOf = (text: string, words: number): ReadonlySet<string> => {
  const all = normalText(text).match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  return new Set(all.slice(words - 1).map((_, i) => all.slice(i, i + words).join(" ")));
};

const indexBy = (keysOf: ReadonlyArray<Iterable<string>>): ReadonlyMap<string, number[]> => {
  const index = new Map<string, number[]>();
  for (const [at, keys] of keysOf.entries()) {
    for (const key of keys) {
      const places = index.get(key);
      if (places) places.push(at);
      else index.set(key, [at]);
    }
  }
  return index;
};

/** By training text, how many of `grams` it has. */
const countHits = (
  grams: ReadonlySet<string>,
  index: ReadonlyMap<string, ReadonlyArray<number>>,
): ReadonlyMap<number, number> => {
  const hits = new Map<number, number>();
  for (const gram of grams) {
    for (const at of index.get(gram) ?? []) hits.set(at, (hits.get(at) ?? 0) + 1);
  }
  return hits;
};

/**
 * The texts of `test` that are in `train`; empty texts are in nothing.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { sharedTexts } from "@delia/delia/evaluation";
 *
 * const { shared } = sharedTexts(["Use <sep>.", "Other"], ["new", "use  <SEP>."]);
 * assert.deepEqual(shared, [{ test: 1, train: [0], containment: 1 }]);
 * ```
 */
export const sharedTexts = (
  train: ReadonlyArray<string>,
  test: ReadonlyArray<string>,
  { containment, words = 8 }: OverlapOptions = {},
): TextOverlap => {
  if (containment !== undefined && !(containment > 0 && containment <= 1)) {
    throw new RangeError(`Expected a containment above 0 and up to 1 but found ${containment}`);
  }
  const equals = indexBy(train.map((text) => [normalText(text)]));
  const holders = containment === undefined
    ? undefined
    : indexBy(train.map((text) => gramsOf(text, words)));
  const shared = test.flatMap((text, at): ReadonlyArray<SharedText> => {
    const normal = normalText(text);
    const found = new Map<number, number>();
    if (holders && containment !== undefined) {
      const grams = gramsOf(text, words);
      for (const [train, hits] of countHits(grams, holders)) {
        if (hits / grams.size >= containment) found.set(train, hits / grams.size);
      }
    }
    if (normal !== "") { for (const train of equals.get(normal) ?? []) found.set(train, 1); }
    if (found.size === 0) return [];
    const places = [...found.keys()].sort((a, b) => a - b);
    return [{ test: at, train: places, containment: Math.max(...found.values()) }];
  });
  return {
    shared,
    test: shared.map(({ test }) => test),
    train: [...new Set(shared.flatMap(({ train }) => train))].sort((a, b) => a - b),
  };
};

/**
 * What training and test examples share, contexts and phrasings apart.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { dataOverlap, withoutShared } from "@delia/delia/evaluation";
 *
 * const train = [{ context: "2 + 2 = 4", phrasing: "Use <sep>." }];
 * const test = [
 *   { context: "2 + 2 = 4", phrasing: "Answer in <sep>." },
 *   { context: "2 + 3 = 6", phrasing: "Use <sep>." },
 * ];
 * const { contexts, phrasings } = dataOverlap(train, test);
 * assert.deepEqual([contexts.test, phrasings.test], [[0], [1]]);
 * assert.deepEqual(withoutShared(test, contexts.test), [test[1]]);
 * ```
 */
export const dataOverlap = (
  train: ReadonlyArray<ExampleParts>,
  test: ReadonlyArray<ExampleParts>,
  options: OverlapOptions = {},
): DataOverlap => {
  const of = (part: keyof ExampleParts): TextOverlap =>
    sharedTexts(train.map((item) => item[part]), test.map((item) => item[part]), options);
  return { contexts: of("context"), phrasings: of("phrasing") };
};

/** The items whose indices are not in `shared`: `overlap.test` of test items, `overlap.train` of others. */
export const withoutShared = <Item>(
  items: ReadonlyArray<Item>,
  shared: ReadonlyArray<number>,
): ReadonlyArray<Item> => {
  const out = new Set(shared);
  return items.filter((_, at) => !out.has(at));
};
