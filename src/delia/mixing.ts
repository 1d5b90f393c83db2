/** Mixing: in which order an epoch shows downstream and diverse examples. @module */

/** How many examples there are to choose from. */
export interface MixingSizes {
  readonly downstream: number;
  readonly diverse: number;
}

/** One place in the order: which example is shown. */
export interface MixedItem {
  readonly source: "downstream" | "diverse";
  /** Index in that source, from 0. */
  readonly index: number;
}

/** A mixing strategy: plain arithmetic on indices, the same for the same seed. */
export interface Mixing {
  readonly name: string;
  /** The order of one epoch. Every downstream example is in it once, a diverse one at most once. */
  readonly plan: (sizes: MixingSizes, seed: number) => ReadonlyArray<MixedItem>;
  /**
   * How many diverse examples the strategy wants and does not find; `plan` then does with what
   * there is. Whoever runs the plan tells the user when this is not 0.
   */
  readonly shortage: (sizes: MixingSizes) => number;
}

/** What the user is told of a {@linkcode Mixing.shortage}. */
export const shortageNote = (shortage: number): string =>
  `${shortage} diverse ${
    shortage === 1 ? "chat" : "chats"
  } fewer than mixing.diverseRatio asks for`;

/** What strategies with diverse data choose. */
export interface DiverseOptions {
  /** Diverse examples for each downstream example; 0 or more, need not be whole. */
  readonly diverseRatio: number;
}

/** Diverse examples that `diverseRatio` asks for, whether or not there are so many. */
export const diverseWanted = (
  { downstream }: MixingSizes,
  { diverseRatio }: DiverseOptions,
): number => diverseRatio > 0 ? Math.floor(downstream * diverseRatio) : 0;

/** Places `0 … size − 1` of one source, in the order of `indices`. */
export const itemsOf = (
  source: MixedItem["source"],
  indices: Iterable<number>,
): ReadonlyArray<MixedItem> => Array.from(indices, (index) => ({ source, index }));
