/** Interleaving: each downstream example followed by its diverse ones, the order of the theory. @module */
import {
  type DiverseOptions,
  diverseWanted,
  itemsOf,
  type MixedItem,
  type Mixing,
} from "../mixing.ts";
import { permutation } from "../pcg64.ts";

/**
 * Each downstream example, in shuffled order, is followed by `diverseRatio` diverse examples; a ratio that
 * is not whole is met on average (2.5: two, three, two, three, …). The last ones get fewer when
 * diverse examples run out.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { interleaveMixing } from "@delia/delia/delia";
 *
 * const plan = interleaveMixing({ diverseRatio: 2 }).plan({ downstream: 3, diverse: 10 }, 42);
 * assert(plan.map(({ source }) => source === "diverse" ? "·" : "T").join("") === "T··T··T··");
 * ```
 */
export const interleaveMixing = (options: DiverseOptions): Mixing => ({
  name: "interleave",
  plan: (sizes, seed) => {
    const wanted = diverseWanted(sizes, options);
    const diverse = itemsOf("diverse", permutation(sizes.diverse, seed).subarray(0, wanted));
    return itemsOf("downstream", permutation(sizes.downstream, seed)).flatMap(
      (item, i): ReadonlyArray<MixedItem> => [
        item,
        ...diverse.slice(
          Math.floor(i * options.diverseRatio),
          Math.floor((i + 1) * options.diverseRatio),
        ),
      ],
    );
  },
  shortage: (sizes) => Math.max(0, diverseWanted(sizes, options) - sizes.diverse),
});
