/** Distances as numbers by name, for a record. @module */
import {
  type BlockDistance,
  type Distances,
  namedBlocks,
  type VariantDistances,
} from "./distances.ts";

const numbersOf = (
  { l2, relativeL2, cosine, l2WithoutTop2, l2WithoutTop8, rank, ...rest }: BlockDistance,
): Readonly<Record<string, number>> => ({
  l2,
  relative_l2: relativeL2,
  cosine,
  l2_without_top_2: l2WithoutTop2,
  l2_without_top_8: l2WithoutTop8,
  rank,
  specificity: rest.specificity.l2,
  format_specificity: rest.formatSpecificity.l2,
});

/**
 * Every number at the first, middle and last block, of a word's last sub-token: `l2_json_first` in the
 * slot, `isolated_l2_json_first` and `bare_l2_json_first`, and `row_l2_json` of the one row. Specificity
 * is that of L2. The name of a measure comes first, that of the word and its block behind.
 */
export const distanceMetrics = ({ variants }: Distances): Readonly<Record<string, number>> => {
  const { slot, isolated, bare, row } = variants;
  const blocks = (prefix: string, variant: VariantDistances) =>
    variant.words.flatMap(({ word, last }) =>
      Object.entries(namedBlocks(last)).flatMap(([block, distance]) =>
        Object.entries(numbersOf(distance)).map(([name, value]) =>
          [`${prefix}${name}_${word}_${block}`, value] as const
        )
      )
    );
  const rows = row.words.flatMap(({ word, last }) =>
    Object.entries(numbersOf(last[0]!)).map(([name, value]) =>
      [`row_${name}_${word}`, value] as const
    )
  );
  return Object.fromEntries([
    ...blocks("", slot),
    ...isolated ? blocks("isolated_", isolated) : [],
    ...blocks("bare_", bare),
    ...rows,
  ]);
};
