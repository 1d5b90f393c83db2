/** DELIA's mixing: as many diverse examples as the ratio asks for, shuffled among the downstream. @module */
import { type DiverseOptions, diverseWanted, itemsOf, type Mixing } from "../mixing.ts";
import { permutation } from "../pcg64.ts";

/**
 * `shuffle(select(shuffle(diverse), ⌊diverseRatio · |downstream|⌋) ++ downstream)`, both shuffles with the
 * same seed: the order that the reference implementation draws. Where there are no more diverse
 * examples than wanted, all are taken in their own order before the last shuffle.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { deliaMixing } from "@delia/delia/delia";
 *
 * const mixing = deliaMixing({ diverseRatio: 2.5 });
 * const plan = mixing.plan({ downstream: 4, diverse: 20 }, 42);
 * assert(plan.length === 14 && plan[0]?.source === "diverse" && plan[0].index === 6);
 * assert(mixing.shortage({ downstream: 4, diverse: 8 }) === 2);
 * ```
 */
export const deliaMixing = (options: DiverseOptions): Mixing => ({
  name: "delia",
  plan: (sizes, seed) => {
    const wanted = diverseWanted(sizes, options);
    const diverse = wanted < sizes.diverse
      ? permutation(sizes.diverse, seed).subarray(0, wanted)
      : Array.from({ length: sizes.diverse }, (_, i) => i);
    const all = [
      ...itemsOf("diverse", diverse),
      ...itemsOf("downstream", Array.from({ length: sizes.downstream }, (_, i) => i)),
    ];
    return Array.from(permutation(all.length, seed), (i) => all[i]!);
  },
  shortage: (sizes) => Math.max(0, diverseWanted(sizes, options) - sizes.diverse),
});
