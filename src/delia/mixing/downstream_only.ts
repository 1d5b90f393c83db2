/** Common tuning: no diverse data; the baseline that DELIA is compared with. @module */
import { itemsOf, type Mixing } from "../mixing.ts";
import { permutation } from "../pcg64.ts";

/**
 * The downstream examples alone, shuffled. More than one epoch is more than one plan, each with a
 * seed of its own.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { downstreamOnly } from "@delia/delia/delia";
 *
 * const plan = downstreamOnly.plan({ downstream: 10, diverse: 99 }, 42);
 * assert(plan.map(({ index }) => index).join() === "5,6,0,7,3,2,4,9,1,8");
 * ```
 */
export const downstreamOnly: Mixing = {
  name: "downstream_only",
  plan: ({ downstream }, seed) => itemsOf("downstream", permutation(downstream, seed)),
  shortage: () => 0,
};
